/* Double precision by SSE2: matrix product, conversions, comparisons, square roots. */
static double a[24][24], b[24][24], c[24][24];

static double root(double x) {
  double y;
  __asm__("sqrtsd %1, %0" : "=x"(y) : "x"(x));
  return y;
}

int main(int rounds) {
  double sum = 0;
  for (int i = 0; i < 24; i++)
    for (int j = 0; j < 24; j++) {
      a[i][j] = (i + 1) / (double)(j + 2);
      b[i][j] = i - j * 0.25;
    }
  for (int round = 0; round < rounds; round++) {
    for (int i = 0; i < 24; i++)
      for (int j = 0; j < 24; j++) {
        double s = 0;
        for (int k = 0; k < 24; k++) s += a[i][k] * b[k][j];
        c[i][j] = s;
      }
    for (int i = 0; i < 24; i++)
      for (int j = 0; j < 24; j++) {
        float f = (float)c[i][j];
        if (c[i][j] < 0) sum -= root(-c[i][j]) + f;
        else sum += root(c[i][j]) * (int)f;
      }
    a[round % 24][round % 7] += 0.125;
  }
  union { double d; int i[2]; } u = {sum};
  return u.i[0] ^ u.i[1];
}
