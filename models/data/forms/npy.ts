import { DataError } from '../../../src/shared/errors.ts';

/** An array of numbers from a NumPy file, in row-major order. */
export type Npy = {
  readonly shape: readonly number[];
  /** NumPy's name of the element type without the byte order, such as 'u1', 'i8' or 'f4'. */
  readonly type: NumberType;
  readonly data: NumberArray;
};

const types = {
  u1: Uint8Array,
  i1: Int8Array,
  u2: Uint16Array,
  i2: Int16Array,
  u4: Uint32Array,
  i4: Int32Array,
  u8: BigUint64Array,
  i8: BigInt64Array,
  f4: Float32Array,
  f8: Float64Array,
} as const;
export type NumberType = keyof typeof types;
type NumberArray = InstanceType<(typeof types)[NumberType]>;

const magic = Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59); // \x93NUMPY

/**
 * Parses a .npy file of little-endian numbers (versions 1 to 3 of the format,
 * https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html). An array in Fortran order is
 * turned into C order. Throws DataError that names the file.
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
  const type = typeOf(descr, name);
  const data = elements(bytes, start, shape, type, name);
  return { shape, type, data: order === 'True' && shape.length > 1 ? rowMajor(data, shape) : data };
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

function typeOf(descr: string, name: string): NumberType {
  const [, byteOrder = '', type = ''] = /^([<>|=]?)(.*)$/.exec(descr)!;
  if (!Object.hasOwn(types, type) || (byteOrder === '>' && !type.endsWith('1'))) {
    throw new DataError(
      `${name}: expected little-endian numbers, got '${descr}'; ` +
        `save a.astype('uint8') for images in 0 to 255, a.astype('float32') for others, a.astype('<i8') for labels`,
    );
  }
  return type as NumberType;
}

function elements(
  bytes: Uint8Array,
  start: number,
  shape: readonly number[],
  type: NumberType,
  name: string,
): NumberArray {
  const TypedArray = types[type];
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

/** The elements of an array in Fortran order, whose first index changes fastest, in C order. */
function rowMajor(data: NumberArray, shape: readonly number[]): NumberArray {
  const out = data.slice();
  const strides = shape.map((_, axis) => shape.slice(0, axis).reduce((product, size) => product * size, 1));
  const at = shape.map(() => 0);
  let from = 0;
  for (let to = 0; to < data.length; to++) {
    out[to] = data[from]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      if (++at[axis]! < shape[axis]!) break;
      from -= strides[axis]! * shape[axis]!;
      at[axis] = 0;
    }
  }
  return out;
}
