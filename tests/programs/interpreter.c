/*
 * An interpreter for a stack machine, one switch over byte codes: a jump through a table per instruction. It runs
 * recursive Fibonacci, a sieve, and a checksum over the sieve, assembled at the start.
 */
typedef unsigned char u8;
typedef unsigned u32;

enum { HALT, PUSH8, PUSH32, DUP, DROP, SWAP, OVER, ADD, SUB, MUL, AND, XOR, SHL, SHR, LESS, EQUAL, NOT, JUMP, JUMP_ZERO,
       CALL, RETURN, GET, SET, LOAD, STORE, INCREMENT, DECREMENT };

enum { INDEX, MULTIPLE, COUNT, HASH, SEED };

#define CELLS 1024

static u8 code[512];
static int end;
static int cells[CELLS];

static void op(int byte) { code[end++] = byte; }

static void with(int operation, int operand) {
  op(operation);
  op(operand);
}

static void push(int value) {
  if ((value & 255) == value) return with(PUSH8, value);
  op(PUSH32);
  for (int i = 0; i < 32; i += 8) op(value >> i & 255);
}

static void branch(int operation, int target) {
  op(operation);
  op(target & 255);
  op(target >> 8);
}

/* A branch forward; `land` gives it its target. */
static int ahead(int operation) {
  branch(operation, 0);
  return end - 2;
}

static void land(int site) {
  code[site] = end;
  code[site + 1] = end >> 8;
}

static void assemble(void) {
  end = 0;
  int over_fib = ahead(JUMP), fib = end;
  /* n -- fib(n) */
  op(DUP), push(2), op(LESS);
  int recursion = ahead(JUMP_ZERO);
  op(RETURN);
  land(recursion);
  op(DUP), op(DECREMENT), branch(CALL, fib);
  op(SWAP), push(2), op(SUB), branch(CALL, fib);
  op(ADD), op(RETURN);
  land(over_fib);
  push(9), branch(CALL, fib), with(GET, SEED), op(XOR), with(SET, HASH);

  push(0), with(SET, INDEX);
  int clear = end;
  push(0), with(GET, INDEX), op(STORE);
  with(GET, INDEX), op(INCREMENT), op(DUP), with(SET, INDEX);
  push(CELLS), op(LESS), op(NOT), branch(JUMP_ZERO, clear);

  push(2), with(SET, INDEX), push(0), with(SET, COUNT);
  int next = end;
  with(GET, INDEX), op(LOAD), op(NOT);
  int composite = ahead(JUMP_ZERO);
  with(GET, COUNT), op(INCREMENT), with(SET, COUNT);
  with(GET, INDEX), op(DUP), op(ADD), with(SET, MULTIPLE);
  int mark = end;
  with(GET, MULTIPLE), push(CELLS), op(LESS);
  int marked = ahead(JUMP_ZERO);
  push(1), with(GET, MULTIPLE), op(STORE);
  with(GET, MULTIPLE), with(GET, INDEX), op(ADD), with(SET, MULTIPLE), branch(JUMP, mark);
  land(marked);
  land(composite);
  with(GET, INDEX), op(INCREMENT), op(DUP), with(SET, INDEX);
  push(CELLS), op(EQUAL), branch(JUMP_ZERO, next);

  push(CELLS), with(SET, INDEX);
  int sum = end;
  with(GET, INDEX), op(DECREMENT), op(DUP), with(SET, INDEX), op(DUP), op(LOAD), op(ADD);
  with(GET, HASH), op(DUP), push(5), op(SHL), op(SWAP), push(27), op(SHR), op(XOR), op(XOR);
  push(16777619), op(MUL), with(SET, HASH);
  with(GET, INDEX), op(NOT), branch(JUMP_ZERO, sum);
  with(GET, COUNT), with(GET, HASH), op(OVER), op(XOR), op(ADD), op(HALT);
}

static int run(int seed) {
  int stack[64], returns[64], variables[8] = {0};
  int *top = stack, *back = returns;
  const u8 *at = code;
  variables[SEED] = seed;
#define TARGET (code + (at[0] | at[1] << 8))
#define BINARY(expression)                    \
  {                                           \
    int b = *top--, a = *top;                 \
    *top = expression;                        \
    break;                                    \
  }
  for (;;) switch (*at++) {
      case HALT: return *top;
      case PUSH8: *++top = *at++; break;
      case PUSH32:
        *++top = at[0] | at[1] << 8 | at[2] << 16 | (u32)at[3] << 24;
        at += 4;
        break;
      case DUP: top++, *top = top[-1]; break;
      case DROP: top--; break;
      case SWAP: {
        int a = *top;
        *top = top[-1];
        top[-1] = a;
        break;
      }
      case OVER: top++, *top = top[-2]; break;
      case ADD: BINARY((u32)a + b)
      case SUB: BINARY((u32)a - b)
      case MUL: BINARY((u32)a * b)
      case AND: BINARY(a & b)
      case XOR: BINARY(a ^ b)
      case SHL: BINARY((u32)a << (b & 31))
      case SHR: BINARY((u32)a >> (b & 31))
      case LESS: BINARY(a < b)
      case EQUAL: BINARY(a == b)
      case NOT: *top = !*top; break;
      case JUMP: at = TARGET; break;
      case JUMP_ZERO: at = *top-- ? at + 2 : TARGET; break;
      case CALL:
        *back++ = at + 2 - code;
        at = TARGET;
        break;
      case RETURN: at = code + *--back; break;
      case GET: *++top = variables[*at++ & 7]; break;
      case SET: variables[*at++ & 7] = *top--; break;
      case LOAD: *top = cells[*top & (CELLS - 1)]; break;
      case STORE:
        cells[*top & (CELLS - 1)] = top[-1];
        top -= 2;
        break;
      case INCREMENT: ++*top; break;
      case DECREMENT: --*top; break;
      default: return -1;
    }
}

int main(int rounds) {
  unsigned hash = 0;
  assemble();
  for (int round = 0; round < rounds; round++) hash = hash * 31 + run(hash);
  return hash;
}
