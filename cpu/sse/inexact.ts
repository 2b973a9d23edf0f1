/**
 * Whether a rounded sum, product, quotient or root is exact: the error of the operation, itself computed
 * exactly in doubles (Knuth's two-sum; Dekker's product with Veltkamp's splitting: T. J. Dekker, "A
 * floating-point technique for extending the available precision", 1971). MXCSR.PE is sticky, so this
 * is asked only until a program has rounded for the first time.
 */

/** Operands are finite and so is the sum. */
export function sumIsInexact(a: number, b: number, sum: number): boolean {
  const virtual = sum - a;
  return (a - (sum - virtual)) + (b - virtual) !== 0;
}

const SPLITTER = 134217729;

function productError(a: number, b: number, product: number): number {
  const ta = SPLITTER * a, ah = ta - (ta - a), al = a - ah;
  const tb = SPLITTER * b, bh = tb - (tb - b), bl = b - bh;
  return ((ah * bh - product) + ah * bl + al * bh) + al * bl;
}

/** Whether the parts of a product of numbers of this size are far from overflow and underflow. */
export function isModerate(a: number): boolean {
  const magnitude = Math.abs(a);
  return (magnitude > 2 ** -400 && magnitude < 2 ** 400) || magnitude === 0;
}

/** Operands are moderate. */
export function productIsInexact(a: number, b: number, product: number): boolean {
  return productError(a, b, product) !== 0;
}

/** Operands and quotient are moderate. */
export function quotientIsInexact(a: number, b: number, quotient: number): boolean {
  const product = quotient * b;
  return product !== a || productError(quotient, b, product) !== 0;
}

/** The operand is moderate. */
export function rootIsInexact(a: number, root: number): boolean {
  const product = root * root;
  return product !== a || productError(root, root, product) !== 0;
}
