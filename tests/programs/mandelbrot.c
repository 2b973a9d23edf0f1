/* The Mandelbrot set in double: a tight loop of multiplications, additions and one comparison. */
#define WIDTH 32
#define HEIGHT 24
#define LIMIT 128

static int escape(double cx, double cy) {
  double x = 0, y = 0, xx = 0, yy = 0;
  int n = 0;
  while (n < LIMIT && xx + yy <= 4) {
    y = 2 * x * y + cy;
    x = xx - yy + cx;
    xx = x * x;
    yy = y * y;
    n++;
  }
  return n;
}

int main(int rounds) {
  unsigned hash = 2166136261u;
  for (int round = 0; round < rounds; round++) {
    double scale = 1.0 / (1 + round % 8);
    for (int row = 0; row < HEIGHT; row++)
      for (int column = 0; column < WIDTH; column++) {
        double cx = -0.7 + scale * (column - WIDTH / 2) * (3.0 / WIDTH);
        double cy = scale * (row - HEIGHT / 2) * (2.4 / HEIGHT);
        hash = (hash ^ (unsigned)escape(cx, cy)) * 16777619u;
      }
  }
  return hash;
}
