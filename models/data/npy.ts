import { DataError } from '../../src/shared/errors.ts';

/** An array of integers from a NumPy file, in row-major order. */
export type Npy = {
  readonly shape: readonly number[];
  /** NumPy's name of the element type without the byte order, such as 'u1' or 'i8'. */
  readonly type: IntegerType;
  readonly data: IntegerArray;
};

type IntegerArray =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | BigUint64Array
  | BigInt64Array;

const integerTypes = {
  u1: Uint8Array,
  i1: Int8Array,
  u2: Uint16Array,
  i2: Int16Array,
  u4: Uint32Array,
  i4: Int32Array,
  u8: BigUint64Array,
  i8: BigInt64Array,
} as const;
export type IntegerType = keyof typeof integerTypes;

const magic = Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59); // \x93NUMPY

/**
 * Parses a .npy file of little-endian integers in C order (versions 1 to 3 of the format,
 * https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html). Throws DataError that names the
 * file.
 */
export function parseNpy(bytes: Uint8Array, name: string): Npy {
  const { header, start } = headerOf(bytes, name);
  const descr = /'descr':\s*'([^']*)'/.exec(header)?.[1];
  const order = /'fortran_order':\s*(True|False)/.exec(header)?.[1];
  const sizes = /'shape':\s*\(([\d\s,]*)\)/.exec(header)?.[1];
  if (descr === undefined || order === undefined || sizes === undefined) {
    throw new DataError(`${name}: malformed header: expected descr, fortran_order and shape`);
  }
  const shape = sizes.split(',').flatMap((size) => (size.trim() === '' ? [] : [Number(size)]));
  if (order === 'True' && shape.length > 1) {
    throw new DataError(`${name}: is in Fortran order; save np.ascontiguousarray(a)`);
  }
  const type = typeOf(descr, name);
  return { shape, type, data: elements(bytes, start, shape, type, name) };
}

function headerOf(bytes: Uint8Array, name: string): { header: string; start: number } {
  if (!magic.every((byte, i) => bytes[i] === byte)) throw new DataError(`${name}: not a .npy array`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const wide = bytes[6]! > 1;
  const first = wide ? 12 : 10;
  if (bytes.length < first) throw new DataError(`${name}: ends within its header`);
  const start = first + (wide ? view.getUint32(8, true) : view.getUint16(8, true));
  if (bytes.length < start) throw new DataError(`${name}: ends within its header`);
  return { header: new TextDecoder().decode(bytes.subarray(first, start)), start };
}

function typeOf(descr: string, name: string): IntegerType {
  const [, byteOrder = '', type = ''] = /^([<>|=]?)(.*)$/.exec(descr)!;
  if (!Object.hasOwn(integerTypes, type) || (byteOrder === '>' && !type.endsWith('1'))) {
    throw new DataError(
      `${name}: expected whole numbers, little-endian, got '${descr}'; ` +
        `save a.astype('uint8') for images in 0 to 255, a.astype('<i8') for labels`,
    );
  }
  return type as IntegerType;
}

function elements(
  bytes: Uint8Array,
  start: number,
  shape: readonly number[],
  type: IntegerType,
  name: string,
): IntegerArray {
  const TypedArray = integerTypes[type];
  const count = shape.reduce((product, size) => product * size, 1);
  const expected = count * TypedArray.BYTES_PER_ELEMENT;
  if (bytes.length - start !== expected) {
    throw new DataError(
      `${name}: [${shape.join(', ')}] of '${type}' needs ${expected} bytes, got ${bytes.length - start}`,
    );
  }
  const aligned = new Uint8Array(bytes.subarray(start));
  return new TypedArray(aligned.buffer);
}
