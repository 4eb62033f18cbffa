import { closeSync, fstatSync, openSync, readSync, realpathSync, statSync } from 'node:fs';
import { dirname, resolve, sep } from 'node:path';
import { ModelError } from '../../src/shared/errors.ts';
import { unreadable } from '../../src/shared/unreadable.ts';
import type { ExternalData, ExternalFile } from '../onnx/decode-tensor.ts';

/**
 * Finds files in the model's folder or below it. A location outside of that folder counts as missing, because
 * the model file may come from somebody else.
 */
export function filesBeside(path: string): ExternalData {
  return (location) => {
    try {
      const folder = realpathSync(dirname(resolve(path)));
      const file = realpathSync(resolve(folder, location));
      if (!file.startsWith(folder + sep)) return missing;
      // Opening a pipe would wait for a writer.
      return statSync(file).isFile() ? fileAt(file) : { refusal: 'is not a file' };
    } catch (error) {
      const isThere = (error as NodeJS.ErrnoException).code !== 'ENOENT';
      return isThere ? { refusal: `cannot be read (${unreadable(error)})` } : missing;
    }
  };
}

/** A model whose file has all its weights. */
export const nothingBeside: ExternalData = () => missing;

const missing = { refusal: 'is missing beside the model' };

function fileAt(file: string): ExternalFile {
  return opened(file, (descriptor) => ({
    length: fstatSync(descriptor).size,
    read: (offset, length) => opened(file, (open) => bytesOf(open, offset, length, file)),
  }));
}

/**
 * The file is open only while a tensor is read: a whole file would take its size in memory beside the
 * tensors, and Node reads no file of more than 2 GiB at once.
 */
function opened<T>(file: string, use: (descriptor: number) => T): T {
  const descriptor = openSync(file, 'r');
  try {
    return use(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function bytesOf(descriptor: number, offset: number, length: number, file: string): ArrayBuffer {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length;) {
    const count = readSync(descriptor, bytes, done, Math.min(length - done, atOnce), offset + done);
    if (count === 0) throw new ModelError(`${file}: it became shorter while it was read`);
    done += count;
  }
  return bytes.buffer;
}

/** The most bytes of one read: 1 GiB. Systems take at most 2 GiB. */
const atOnce = 2 ** 30;
