/* Products of matrices of double: by rows and columns, by rows alone, and in blocks; LU decomposition of the result. */
#define N 48
#define BLOCK 16

static double a[N][N], b[N][N], c[N][N];

static void by_columns(void) {
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) {
      double sum = 0;
      for (int k = 0; k < N; k++) sum += a[i][k] * b[k][j];
      c[i][j] = sum;
    }
}

static void by_rows(void) {
  for (int i = 0; i < N; i++) {
    for (int j = 0; j < N; j++) c[i][j] = 0;
    for (int k = 0; k < N; k++) {
      double factor = a[i][k];
      for (int j = 0; j < N; j++) c[i][j] += factor * b[k][j];
    }
  }
}

static void in_blocks(void) {
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) c[i][j] = 0;
  for (int kk = 0; kk < N; kk += BLOCK)
    for (int jj = 0; jj < N; jj += BLOCK)
      for (int i = 0; i < N; i++)
        for (int k = kk; k < kk + BLOCK; k++)
          for (int j = jj; j < jj + BLOCK; j++) c[i][j] += a[i][k] * b[k][j];
}

/* In place, without pivots: the diagonal was made large. */
static double decompose(void) {
  double determinant = 1;
  for (int i = 0; i < N; i++) c[i][i] += 1000;
  for (int k = 0; k < N; k++) {
    determinant *= c[k][k] / 1000;
    for (int i = k + 1; i < N; i++) {
      double factor = c[i][k] /= c[k][k];
      for (int j = k + 1; j < N; j++) c[i][j] -= factor * c[k][j];
    }
  }
  return determinant;
}

static unsigned fold(unsigned hash, double value) {
  union { double d; unsigned u[2]; } bits = {value};
  return (hash ^ bits.u[0] ^ bits.u[1]) * 16777619u;
}

int main(int rounds) {
  static void (*const product[3])(void) = {by_columns, by_rows, in_blocks};
  unsigned hash = 2166136261u;
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) {
      a[i][j] = (i * 7 + j * 3) % 11 / 4.0 - 1;
      b[i][j] = 1.0 / (i + j + 1);
    }
  for (int round = 0; round < rounds; round++) {
    product[round % 3]();
    for (int i = 0; i < N; i++) hash = fold(hash, c[i][(i + round) % N]);
    hash = fold(hash, decompose());
    a[round % N][round % 7] += 0.125;
  }
  return hash;
}
