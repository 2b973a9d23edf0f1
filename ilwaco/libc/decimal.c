#include "decimal.h"

#define BASE 1000000000u
#define DIGITS 9

static const uint32_t powers[DIGITS] = {1,      10,      100,      1000,     10000,
                                        100000, 1000000, 10000000, 100000000};

static void strip_zeros(struct decimal *d) {
  while (d->first < d->end && d->limbs[d->first] == 0) d->first++;
  while (d->first < d->end && d->limbs[d->end - 1] == 0) d->end--;
}

void ilwaco_decimal_set(struct decimal *d, uint64_t value) {
  d->first = d->end = d->point;
  for (; value; value /= BASE) d->limbs[--d->first] = (uint32_t)(value % BASE);
  strip_zeros(d);
}

/* bits <= 29, so that limb * 2^bits + carry stays below 2^64 and the carry below BASE */
static void shift_left(struct decimal *d, int bits) {
  uint32_t carry = 0;
  for (int i = d->end - 1; i >= d->first; i--) {
    uint64_t product = ((uint64_t)d->limbs[i] << bits) + carry;
    carry = (uint32_t)(product / BASE);
    d->limbs[i] = (uint32_t)product - carry * BASE;
  }
  if (carry) d->limbs[--d->first] = carry;
}

/* bits <= 9, so that BASE is divisible by 2^bits */
static void shift_right(struct decimal *d, int bits) {
  uint32_t mask = (1u << bits) - 1, scale = BASE >> bits, remainder = 0;
  for (int i = d->first; i < d->end; i++) {
    uint32_t limb = d->limbs[i];
    d->limbs[i] = (limb >> bits) + remainder * scale;
    remainder = limb & mask;
  }
  if (remainder) d->limbs[d->end++] = remainder * scale;
}

void ilwaco_decimal_shift(struct decimal *d, int bits) {
  while (bits && d->first < d->end) {
    if (bits > 0) {
      int step = bits < 29 ? bits : 29;
      shift_left(d, step);
      bits -= step;
    } else {
      int step = bits > -DIGITS ? -bits : DIGITS;
      shift_right(d, step);
      bits += step;
    }
    strip_zeros(d);
  }
}

static int limb_index(const struct decimal *d, int place) {
  int limb = place >= 0 ? place / DIGITS : -((DIGITS - 1 - place) / DIGITS);
  return d->point - 1 - limb;
}

static int place_in_limb(int place) {
  int remainder = place % DIGITS;
  return remainder < 0 ? remainder + DIGITS : remainder;
}

static int any_from(const struct decimal *d, int index) {
  for (int i = index < d->first ? d->first : index; i < d->end; i++) {
    if (d->limbs[i]) return 1;
  }
  return 0;
}

void ilwaco_decimal_round(struct decimal *d, int place) {
  int i = limb_index(d, place);
  if (i >= d->end) return;
  if (i < d->first - 1) { /* less than 10^-9 of what is kept */
    d->first = d->end;
    return;
  }
  if (i < d->first) d->limbs[--d->first] = 0;

  uint32_t unit = powers[place_in_limb(place)];
  uint32_t rest = d->limbs[i] % unit, half = unit / 2;
  int tail = i + 1;
  int odd = d->limbs[i] / unit & 1;
  if (unit == 1) { /* the digit behind is in the next limb */
    rest = tail < d->end ? d->limbs[tail] : 0;
    half = BASE / 2;
    tail++;
  } else {
    d->limbs[i] -= rest;
  }
  int up = rest > half || (rest == half && (odd || any_from(d, tail)));
  d->end = i + 1;
  if (up) d->limbs[i] += unit;
  for (; d->limbs[i] >= BASE; i--) {
    d->limbs[i] -= BASE;
    if (i == d->first) d->limbs[--d->first] = 0;
    d->limbs[i - 1]++;
  }
  strip_zeros(d);
}

int ilwaco_decimal_highest(const struct decimal *d) {
  uint32_t limb = d->limbs[d->first];
  int digits = 1;
  while (digits < DIGITS && limb >= powers[digits]) digits++;
  return (d->point - 1 - d->first) * DIGITS + digits - 1;
}

int ilwaco_decimal_lowest(const struct decimal *d) {
  uint32_t limb = d->limbs[d->end - 1];
  int zeros = 0;
  while (zeros < DIGITS - 1 && limb % powers[zeros + 1] == 0) zeros++;
  return (d->point - d->end) * DIGITS + zeros;
}

int ilwaco_decimal_digit(const struct decimal *d, int place) {
  int i = limb_index(d, place);
  if (i < d->first || i >= d->end) return 0;
  return (int)(d->limbs[i] / powers[place_in_limb(place)] % 10);
}

uint64_t ilwaco_decimal_integer(const struct decimal *d, enum decimal_rest *rest) {
  uint64_t value = 0;
  for (int i = d->first; i < d->point; i++) value = value * BASE + (i < d->end ? d->limbs[i] : 0);
  uint32_t limb = d->first <= d->point && d->point < d->end ? d->limbs[d->point] : 0;
  int more = any_from(d, d->point + 1);
  *rest = limb > BASE / 2 || (limb == BASE / 2 && more) ? REST_ABOVE_HALF
          : limb == BASE / 2                            ? REST_HALF
          : limb || more                                ? REST_BELOW_HALF
                                                        : REST_NONE;
  return value;
}
