import { concatenateWords } from '../../bits.ts';
import { release } from '../../../src/shared/release.ts';

/** The words of all parts, whose own arrays are released. */
export function joinedWords(parts: readonly Uint32Array[]): Uint32Array<ArrayBuffer> {
  const all = concatenateWords(parts);
  release(...parts);
  return all;
}
