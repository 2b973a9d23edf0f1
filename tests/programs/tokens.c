/*
 * A state machine over text: it splits a JSON document into tokens, follows its nesting and hashes names, numbers
 * and strings. A branch or a jump through a table per character.
 */
typedef unsigned char u8;
typedef unsigned u32;

#define LENGTH 4096
#define DEPTH 32

enum state { VALUE, NAME_OR_END, NAME, COLON, AFTER, STRING, ESCAPE, UNICODE, NUMBER, FRACTION, EXPONENT, WORD, FAILED };

static u8 text[LENGTH];
static int length;

static u32 seed;
static u32 random_below(u32 n) {
  seed = seed * 1664525 + 1013904223;
  return (seed >> 12) % n;
}

static void write(const char *s) {
  while (*s && length < LENGTH) text[length++] = *s++;
}

static void write_number(u32 n) {
  char digits[12], *p = digits + 11;
  *p = 0;
  do *--p = '0' + n % 10;
  while (n /= 10);
  write(p);
}

static void write_value(int depth) {
  static const char *const strings[] = {"\"isolation\"", "\"a \\\"quoted\\\" word\"", "\"tab\\tand\\u00e9\"", "\"\"",
                                        "\"the quick brown fox jumps over the lazy dog\""};
  static const char *const names[] = {"\"id\": ", "\"name\" : ", "\"children\":", "\"size\": ", "\"t\":"};
  u32 kind = depth > 5 ? 2 + random_below(5) : random_below(7), count = 2 + random_below(5);
  switch (kind) {
    case 0:
    case 1:
      write(kind ? "{" : "[ ");
      for (u32 i = 0; i < count; i++) {
        if (i) write(",\n    ");
        if (kind) write(names[random_below(5)]);
        write_value(depth + 1);
      }
      write(kind ? "}" : " ]");
      break;
    case 2:
      if (random_below(2)) write("-");
      write_number(seed >> 16);
      if (random_below(2)) write("."), write_number(1 + random_below(1000));
      if (random_below(4) == 0) write("e+"), write_number(random_below(30));
      break;
    case 3: write(random_below(2) ? "true" : random_below(2) ? "false" : "null"); break;
    default: write(strings[random_below(5)]);
  }
}

static int is_space(u8 c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }
static int is_digit(u8 c) { return c >= '0' && c <= '9'; }
static int is_letter(u8 c) { return c >= 'a' && c <= 'z'; }

struct counts { u32 tokens, strings, numbers, words, containers, deepest, hash; };

/* The next state after the first character of a value. */
static enum state begin_value(u8 c, u8 *stack, int *depth, struct counts *n) {
  if (c == '"') return STRING;
  if (c == '-' || is_digit(c)) return NUMBER;
  if (is_letter(c)) return WORD;
  if ((c != '{' && c != '[') || *depth == DEPTH) return FAILED;
  stack[(*depth)++] = c;
  n->containers++;
  if ((u32)*depth > n->deepest) n->deepest = *depth;
  return c == '{' ? NAME_OR_END : VALUE;
}

static enum state after_value(u8 c, u8 *stack, int *depth) {
  if (is_space(c)) return AFTER;
  if (*depth == 0) return FAILED;
  u8 open = stack[*depth - 1];
  if (c == ',') return open == '{' ? NAME : VALUE;
  if (c != (open == '{' ? '}' : ']')) return FAILED;
  --*depth;
  return AFTER;
}

static int scan(struct counts *n) {
  u8 stack[DEPTH];
  enum state state = VALUE, behind = AFTER;
  int depth = 0, hexadecimal = 0;
  u32 token = 0;
  for (int i = 0; i < length; i++) {
    u8 c = text[i];
    switch (state) {
      case VALUE:
        if (is_space(c)) break;
        state = begin_value(c, stack, &depth, n);
        behind = AFTER;
        token = c;
        n->tokens++;
        break;
      case NAME_OR_END:
        if (c == '}') {
          state = after_value(c, stack, &depth);
          break;
        } /* fall through */
      case NAME:
        if (is_space(c)) break;
        state = c == '"' ? STRING : FAILED;
        behind = COLON;
        token = 0;
        n->tokens++;
        break;
      case COLON:
        if (!is_space(c)) state = c == ':' ? VALUE : FAILED;
        break;
      case STRING:
        if (c == '\\') state = ESCAPE;
        else if (c != '"') token = token * 31 + c;
        else {
          n->strings++;
          n->hash ^= token;
          state = behind;
        }
        break;
      case ESCAPE:
        token = token * 37 + c;
        hexadecimal = 4;
        state = c == 'u' ? UNICODE : STRING;
        break;
      case UNICODE:
        token = token << 4 ^ (is_digit(c) ? c - '0' : (c | 32) - 'a' + 10);
        if (--hexadecimal == 0) state = STRING;
        break;
      case NUMBER:
      case FRACTION:
      case EXPONENT:
        if (is_digit(c)) {
          token = token * 10 + c - '0';
          break;
        }
        if (c == '.' && state == NUMBER) {
          state = FRACTION;
          break;
        }
        if ((c | 32) == 'e' && state != EXPONENT) {
          state = EXPONENT;
          break;
        }
        if ((c == '+' || c == '-') && state == EXPONENT) break;
        n->numbers++;
        n->hash = n->hash * 16777619u + token;
        state = after_value(c, stack, &depth);
        break;
      case WORD:
        if (is_letter(c)) {
          token = token * 31 + c;
          break;
        }
        n->words++;
        n->hash += token;
        state = after_value(c, stack, &depth);
        break;
      case AFTER: state = after_value(c, stack, &depth); break;
      default: return i;
    }
  }
  return state == FAILED ? -1 : length;
}

int main(int rounds) {
  u32 hash = 0;
  for (int round = 0; round < rounds; round++) {
    if (round % 16 == 0) {
      seed = round + 3;
      length = 0;
      write("[");
      while (length < LENGTH - 64) {
        write_value(0);
        write(",");
      }
    }
    struct counts n = {0, 0, 0, 0, 0, 0, round};
    int end = scan(&n);
    if (n.tokens < 50) return -1;
    hash = (hash ^ n.hash) * 31 + n.tokens + n.strings * 3 + n.numbers * 5 + n.words * 7 + n.deepest + end;
  }
  return hash;
}
