/**
 * The words that generated JavaScript may consist of: the second lock behind the printers.
 *
 * Printers build text from fixed pieces and integers (printer.ts, translator/). This file knows nothing of
 * how they do it: it reads the text like a parser and refuses whatever is not in the list below, so that a
 * mistake in a printer cannot turn bytes of a guest into code. Refused are in particular strings, templates,
 * regular expressions, comments, every number but a decimal integer below 2^32, every property but those
 * of X and V, and every name but keywords, the environment's own and the numbered locals of the printers.
 *
 * Whoever gives a printer a new name adds it here.
 */

const KEYWORDS = [
  ...["const", "let", "if", "else", "for", "switch", "case", "break", "continue", "return"],
  ...["function", "true"],
];

/** Parameters and locals of handlers and regions that have no number, and labels. */
const LOCALS = [
  ...["environment", "operations", "handler", "block", "left", "leave", "entry"],
  ...["out", "own", "bail", "E", "K", "S", "stopped", "RT", "WT"],
  ...["a", "d", "e", "h", "p", "s", "t", "x", "y", "fk", "fa", "fb", "fr", "fc"],
];

/** Numbered locals, operations and labels, and the names of the functions themselves. */
const NUMBERED =
  /^(?:[tu]p?\d+|t\d+_(?:to|p?\d+)|op\d+|(?:slow|stack)(?:Load|Store|Reserve)(?:8|16|32|64)|[dpqrvwLB]\d+|c\d+_\d+|region\d+|[a-z0-9]+_)$/;

/** The only properties there are, and what has them. */
const PROPERTIES: Readonly<Record<string, ReadonlySet<string>>> = {
  "X.": new Set(["fault", "leave", "readTable", "writeTable", "nearRead", "nearWrite"]),
  "V.": new Set(
    [16, 32].flatMap((width) => [`getInt${width}`, `setInt${width}`]).concat(
      "getFloat64",
      "setFloat64",
    ),
  ),
};

const PUNCTUATION = new Set("(){}[];,.=<>!&|^~+-*/%?:");

const MAXIMUM_INTEGER = 2 ** 32 - 1;

/** Numbered words that are remembered: they come again and again. */
const MAXIMUM_REMEMBERED = 10_000;

export class Vocabulary {
  private readonly words: ReadonlySet<string>;
  private readonly numbered = new Set<string>();

  /** `names`: of the environment that the code is compiled in. */
  constructor(names: Iterable<string>) {
    this.words = new Set([...KEYWORDS, ...LOCALS, ...names]);
  }

  /** What is wrong with the text, or "" if nothing is. */
  check(text: string): string {
    let previous = "";
    for (let at = 0; at < text.length;) {
      const code = text.charCodeAt(at);
      if (code === 0x20 || code === 0x0a) {
        at++;
        continue;
      }
      let end = at + 1;
      if (isWordStart(code)) {
        while (isWordPart(text.charCodeAt(end))) end++;
        const word = text.slice(at, end);
        const known = (PROPERTIES[previous] ?? this).has(word);
        if (!known) return refusal("a name of the emitter", word, text, at);
        previous = word === "X" || word === "V" ? word : "word";
      } else if (isDigit(code)) {
        while (isDigit(text.charCodeAt(end))) end++;
        const digits = text.slice(at, end);
        if (
          Number(digits) > MAXIMUM_INTEGER || digits.length > 10 || isWordPart(text.charCodeAt(end))
        ) {
          return refusal("an integer below 2^32", digits, text, at);
        }
        previous = "word";
      } else {
        const mark = text[at];
        if (!PUNCTUATION.has(mark)) return refusal("punctuation of the emitter", mark, text, at);
        // A slash divides what stands before it; anything else would be a comment or a pattern.
        if (mark === "/" && previous !== "word" && previous !== ")" && previous !== "]") {
          return refusal("a division", mark, text, at);
        }
        if (mark === "." && previous !== "X" && previous !== "V") {
          return refusal("no property", mark, text, at);
        }
        previous = mark === "." ? previous + mark : mark;
      }
      at = end;
    }
    return "";
  }

  /** Whether a word may stand alone. */
  has(word: string): boolean {
    if (this.words.has(word) || this.numbered.has(word)) return true;
    if (!NUMBERED.test(word)) return false;
    if (this.numbered.size >= MAXIMUM_REMEMBERED) this.numbered.clear();
    this.numbered.add(word);
    return true;
  }
}

function refusal(expected: string, got: string, text: string, at: number): string {
  const context = JSON.stringify(text.slice(Math.max(0, at - 20), at + 20));
  return `generated code: expected ${expected}, got ${JSON.stringify(got)} in ${context}`;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** Letters, underscore and dollar sign; what else JavaScript takes for a letter is refused as a mark. */
function isWordStart(code: number): boolean {
  return (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a) || code === 0x5f ||
    code === 0x24;
}

function isWordPart(code: number): boolean {
  return isWordStart(code) || isDigit(code);
}
