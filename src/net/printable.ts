/** The number of characters of a peer's text that are sent and shown. */
export const maxText = 300;

/**
 * Makes what a peer wrote safe to print: one line of at most 300 printable ASCII characters, which holds no
 * escape sequence of a terminal.
 */
export function printable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]+/g, ' ').slice(0, maxText);
}
