/**
 * Fills bytes with zeros. In memory that threads share, a typed array's `fill` writes one element after the
 * other: 1.3 us for a polynomial, where this takes 0.2.
 */
export function clear(at: usize, bytes: usize): void {
  memory.fill(at, 0, bytes);
}
