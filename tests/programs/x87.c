/*
 * Floating point on the x87 stack: a system of bodies under gravity, a polynomial, an integral, conversions.
 * Only operations that IEEE 754 defines exactly, so that every processor must agree on the last bit.
 */
#pragma GCC target("fpmath=387")

#define BODIES 5

static double position[BODIES][3], velocity[BODIES][3], mass[BODIES];

static double root(double x) {
  double y;
  __asm__("fsqrt" : "=t"(y) : "0"(x));
  return y;
}

static void start(void) {
  for (int i = 0; i < BODIES; i++) {
    mass[i] = i == 0 ? 39.5 : 0.04 / i;
    for (int k = 0; k < 3; k++) {
      position[i][k] = i * (1.5 + k * 0.25) * (i & 1 ? 1 : -1);
      velocity[i][k] = i ? (k == 1 ? 2.5 : -0.5 * k) / i : 0;
    }
  }
}

static void advance(double dt) {
  for (int i = 0; i < BODIES; i++)
    for (int j = i + 1; j < BODIES; j++) {
      double d[3], square = 0;
      for (int k = 0; k < 3; k++) {
        d[k] = position[i][k] - position[j][k];
        square += d[k] * d[k];
      }
      double factor = dt / (square * root(square));
      for (int k = 0; k < 3; k++) {
        velocity[i][k] -= d[k] * mass[j] * factor;
        velocity[j][k] += d[k] * mass[i] * factor;
      }
    }
  for (int i = 0; i < BODIES; i++)
    for (int k = 0; k < 3; k++) position[i][k] += dt * velocity[i][k];
}

static double energy(void) {
  double sum = 0;
  for (int i = 0; i < BODIES; i++) {
    double square = 0;
    for (int k = 0; k < 3; k++) square += velocity[i][k] * velocity[i][k];
    sum += mass[i] * square / 2;
  }
  return sum;
}

static double polynomial(double x) {
  static const double c[] = {1, 0.5, -0.25, 0.125, -0.0625, 0.03125, 0.75, -1.5};
  double y = 0;
  for (int i = 0; i < 8; i++) y = y * x + c[i];
  return y;
}

/* Simpson's rule. */
static double integral(int steps) {
  double h = 2.0 / steps, sum = polynomial(-1) + polynomial(1);
  for (int i = 1; i < steps; i++) sum += polynomial(-1 + i * h) * (i & 1 ? 4 : 2);
  return sum * h / 3;
}

static unsigned fold(unsigned hash, double value) {
  union { double d; unsigned u[2]; } bits = {value};
  return (hash ^ bits.u[0] ^ bits.u[1]) * 16777619u;
}

int main(int rounds) {
  unsigned hash = 2166136261u;
  start();
  for (int round = 0; round < rounds; round++) {
    for (int i = 0; i < 50; i++) advance(0.001);
    double e = energy();
    float narrow = e;
    hash = fold(hash, e);
    hash = fold(hash, integral(64) + round);
    hash ^= (int)(e * 1000) + (e > narrow) + 2 * (e < narrow);
    hash += (unsigned)(long long)(position[1][0] * 1e9);
  }
  return hash;
}
