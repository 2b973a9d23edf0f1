/* Civil dates from seconds since 1970 and back (proleptic Gregorian, UTC). */

#include <stdio.h>
#include <string.h>
#include <time.h>

#define DAYS_PER_400_YEARS 146097
#define DAYS_0000_03_01_TO_1970 719468

/* Years are counted from March, so that the leap day is a year's last day. */
static const int days_before_month[12] = {306, 337, 0, 31, 61, 92, 122, 153, 184, 214, 245, 275};

static long long floor_divide(long long a, long long b) { return a / b - (a % b < 0); }

static long long days_from_civil(long long year, int month) {
  if (month < 2) year--;
  long long era = floor_divide(year, 400);
  long long year_of_era = year - era * 400;
  return era * DAYS_PER_400_YEARS + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 +
         days_before_month[month] - DAYS_0000_03_01_TO_1970;
}

struct tm *gmtime_r(const time_t *when, struct tm *result) {
  long long days = floor_divide(*when, 86400);
  int seconds = (int)(*when - days * 86400);
  long long shifted = days + DAYS_0000_03_01_TO_1970;
  long long era = floor_divide(shifted, DAYS_PER_400_YEARS);
  int day = (int)(shifted - era * DAYS_PER_400_YEARS); /* of the era */
  int year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
  day -= year * 365 + year / 4 - year / 100; /* of the year from March */
  int month = (5 * day + 2) / 153;           /* from March */
  result->tm_mday = day - (153 * month + 2) / 5 + 1;
  result->tm_mon = month < 10 ? month + 2 : month - 10;
  long long civil_year = year + era * 400 + (result->tm_mon < 2);
  result->tm_year = (int)(civil_year - 1900);
  result->tm_yday = (int)(days - days_from_civil(civil_year, 0));
  result->tm_wday = (int)((days % 7 + 11) % 7); /* 1970-01-01 was a Thursday */
  result->tm_hour = seconds / 3600;
  result->tm_min = seconds / 60 % 60;
  result->tm_sec = seconds % 60;
  result->tm_isdst = 0;
  return result;
}

time_t timegm(struct tm *when) {
  long long months = when->tm_mon;
  long long year = 1900ll + when->tm_year + floor_divide(months, 12);
  int month = (int)(months - floor_divide(months, 12) * 12);
  time_t seconds = (days_from_civil(year, month) + when->tm_mday - 1) * 86400ll +
                   when->tm_hour * 3600ll + when->tm_min * 60ll + when->tm_sec;
  gmtime_r(&seconds, when);
  return seconds;
}

static struct tm shared;

struct tm *gmtime(const time_t *when) {
  return gmtime_r(when, &shared);
}
struct tm *localtime(const time_t *when) {
  return gmtime_r(when, &shared);
}
struct tm *localtime_r(const time_t *when, struct tm *result) {
  return gmtime_r(when, result);
}
time_t mktime(struct tm *when) { return timegm(when); }

static const char *const day_names[7] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                         "Thursday", "Friday", "Saturday"};
static const char *const month_names[12] = {"January",   "February", "March",    "April",
                                            "May",       "June",     "July",     "August",
                                            "September", "October",  "November", "December"};

static int iso_weeks(long long year) {
  long long p = (year + year / 4 - year / 100 + year / 400) % 7;
  long long q = ((year - 1) + (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400) % 7;
  return p == 4 || q == 3 ? 53 : 52;
}

/* ISO 8601 week and, through `year`, the year it belongs to. */
static int iso_week(const struct tm *t, long long *year) {
  *year = t->tm_year + 1900ll;
  int week = (t->tm_yday - (t->tm_wday + 6) % 7 + 10) / 7;
  if (week < 1) return iso_weeks(--*year);
  if (week > iso_weeks(*year)) {
    ++*year;
    return 1;
  }
  return week;
}

static const char *composite(char conversion) {
  switch (conversion) {
    case 'c': return "%a %b %e %H:%M:%S %Y";
    case 'D':
    case 'x': return "%m/%d/%y";
    case 'F': return "%Y-%m-%d";
    case 'r': return "%I:%M:%S %p";
    case 'R': return "%H:%M";
    case 'T':
    case 'X': return "%H:%M:%S";
    default: return NULL;
  }
}

static void format_one(char *out, size_t capacity, char conversion, const struct tm *t) {
  long long year = t->tm_year + 1900ll, week_year;
  int hour12 = t->tm_hour % 12 ? t->tm_hour % 12 : 12;
  switch (conversion) {
    case 'a': snprintf(out, capacity, "%.3s", day_names[t->tm_wday]); break;
    case 'A': snprintf(out, capacity, "%s", day_names[t->tm_wday]); break;
    case 'b':
    case 'h': snprintf(out, capacity, "%.3s", month_names[t->tm_mon]); break;
    case 'B': snprintf(out, capacity, "%s", month_names[t->tm_mon]); break;
    case 'C': snprintf(out, capacity, "%02lld", floor_divide(year, 100)); break;
    case 'd': snprintf(out, capacity, "%02d", t->tm_mday); break;
    case 'e': snprintf(out, capacity, "%2d", t->tm_mday); break;
    case 'g':
      iso_week(t, &week_year);
      snprintf(out, capacity, "%02lld", week_year % 100);
      break;
    case 'G':
      iso_week(t, &week_year);
      snprintf(out, capacity, "%lld", week_year);
      break;
    case 'H': snprintf(out, capacity, "%02d", t->tm_hour); break;
    case 'I': snprintf(out, capacity, "%02d", hour12); break;
    case 'j': snprintf(out, capacity, "%03d", t->tm_yday + 1); break;
    case 'm': snprintf(out, capacity, "%02d", t->tm_mon + 1); break;
    case 'M': snprintf(out, capacity, "%02d", t->tm_min); break;
    case 'n': snprintf(out, capacity, "\n"); break;
    case 'p': snprintf(out, capacity, "%s", t->tm_hour < 12 ? "AM" : "PM"); break;
    case 's': {
      struct tm copy = *t;
      snprintf(out, capacity, "%lld", (long long)timegm(&copy));
      break;
    }
    case 'S': snprintf(out, capacity, "%02d", t->tm_sec); break;
    case 't': snprintf(out, capacity, "\t"); break;
    case 'u': snprintf(out, capacity, "%d", t->tm_wday ? t->tm_wday : 7); break;
    case 'U': snprintf(out, capacity, "%02d", (t->tm_yday + 7 - t->tm_wday) / 7); break;
    case 'V': snprintf(out, capacity, "%02d", iso_week(t, &week_year)); break;
    case 'w': snprintf(out, capacity, "%d", t->tm_wday); break;
    case 'W': snprintf(out, capacity, "%02d", (t->tm_yday + 7 - (t->tm_wday + 6) % 7) / 7); break;
    case 'y': snprintf(out, capacity, "%02lld", year % 100); break;
    case 'Y': snprintf(out, capacity, "%lld", year); break;
    case 'z': snprintf(out, capacity, "+0000"); break;
    case 'Z': snprintf(out, capacity, "UTC"); break;
    case '%': snprintf(out, capacity, "%%"); break;
    default: snprintf(out, capacity, "%%%c", conversion);
  }
}

size_t strftime(char *buffer, size_t capacity, const char *format, const struct tm *when) {
  size_t length = 0;
  for (; *format; format++) {
    char piece[64] = {*format, 0};
    if (*format == '%' && format[1]) {
      format++;
      if ((*format == 'E' || *format == 'O') && format[1]) format++;
      const char *longer = composite(*format);
      if (longer) {
        strftime(piece, sizeof piece, longer, when);
      } else {
        format_one(piece, sizeof piece, *format, when);
      }
    }
    size_t bytes = strlen(piece);
    if (length + bytes >= capacity) return 0;
    memcpy(buffer + length, piece, bytes);
    length += bytes;
  }
  if (!capacity) return 0;
  buffer[length] = 0;
  return length;
}
