import { gunzipSync } from 'node:zlib';
import { DataError } from '../../../src/shared/errors.ts';
import { readBytes } from './disk.ts';

/** An array of bytes in the IDX format of the MNIST files. `shape[0]` counts the rows. */
export type Idx = { readonly shape: readonly number[]; readonly data: Uint8Array };

const unsignedByte = 0x08;
/** The most bytes to unpack. No supported data set comes near it; it stops a gzip bomb. */
const maxBytes = 2 ** 31;

/** Reads an IDX file of bytes, plain or gzip. Throws DataError that names the file. */
export async function readIdx(path: string, dimensions: readonly number[]): Promise<Idx> {
  return parseIdx(await readBytes(path), path, dimensions);
}

/**
 * Parses IDX: two zero bytes, the element type, the number of dimensions, each size as a big-endian u32, then
 * the elements. `dimensions` lists the accepted numbers of dimensions; `name` is used in error messages.
 */
export function parseIdx(bytes: Uint8Array, name: string, dimensions: readonly number[]): Idx {
  const raw = isGzip(bytes) ? gunzip(bytes, name) : bytes;
  const rank = parseMagic(raw, name, dimensions);
  const start = 4 + 4 * rank;
  if (raw.length < start) {
    throw new DataError(`${name}: expected a header of ${start} bytes, got a file of ${raw.length}`);
  }
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  const shape = Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i));
  if (shape.some((size) => size === 0)) {
    throw new DataError(`${name}: a dimension is zero in [${shape.join(', ')}]`);
  }
  const expected = shape.reduce((product, size) => product * size, 1);
  if (raw.length - start !== expected) {
    throw new DataError(
      `${name}: [${shape.join(', ')}] needs ${expected} bytes after the header, got ${raw.length - start}`,
    );
  }
  return { shape, data: new Uint8Array(raw.buffer, raw.byteOffset + start, expected) }; // no Buffer
}

/** Returns the bytes of an IDX file, uncompressed. */
export function encodeIdx(idx: Idx): Uint8Array<ArrayBuffer> {
  const start = 4 + 4 * idx.shape.length;
  const bytes = new Uint8Array(start + idx.data.length);
  const view = new DataView(bytes.buffer);
  bytes[2] = unsignedByte;
  bytes[3] = idx.shape.length;
  idx.shape.forEach((size, i) => view.setUint32(4 + 4 * i, size));
  bytes.set(idx.data, start);
  return bytes;
}

export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

export function gunzip(bytes: Uint8Array, name: string): Uint8Array {
  try {
    return gunzipSync(bytes, { maxOutputLength: maxBytes });
  } catch (error) {
    throw new DataError(`${name}: damaged gzip file (${(error as Error).message})`);
  }
}

function parseMagic(raw: Uint8Array, name: string, dimensions: readonly number[]): number {
  if (raw.length < 4) throw new DataError(`${name}: expected an IDX file, got ${raw.length} bytes`);
  const [zero0, zero1, type, rank] = raw as unknown as [number, number, number, number];
  if (zero0 !== 0 || zero1 !== 0) {
    throw new DataError(`${name}: not an IDX file: its first two bytes must be zero`);
  }
  if (type !== unsignedByte) {
    throw new DataError(
      `${name}: expected elements of type 0x08 (unsigned byte), got 0x${type.toString(16).padStart(2, '0')}`,
    );
  }
  if (!dimensions.includes(rank)) {
    throw new DataError(`${name}: expected ${dimensions.join(' or ')} dimensions, got ${rank}`);
  }
  return rank;
}
