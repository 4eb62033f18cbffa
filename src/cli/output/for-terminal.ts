/**
 * Bold, dim and their end, which the program's own texts have. The other control sequences of a terminal
 * could hide lines, move the cursor or write to the clipboard.
 */
const own = ['\x1b[1m', '\x1b[2m', '\x1b[22m'];

/**
 * A text for the terminal, in which control characters but tab and new line are written out, as in JSON.
 * Texts of a peer come through `printable` first; this holds for names of files, models and images too,
 * whoever made them.
 */
export function forTerminal(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, (found, at: number) => {
    const isKept = found === '\n' || found === '\t' || own.some((sequence) => text.startsWith(sequence, at));
    return isKept ? found : `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}
