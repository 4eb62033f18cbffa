import type { Output } from './output.ts';

/**
 * Runs `write`. If it fails, prints `output` before it rejects: the work behind it may have taken hours, and
 * what could not be written to a file can still be read.
 */
export async function shownIfItFails(
  { show }: { readonly show: (output: Output) => void },
  output: Output,
  write: () => Promise<void>,
): Promise<void> {
  try {
    await write();
  } catch (error) {
    show(output);
    throw error;
  }
}
