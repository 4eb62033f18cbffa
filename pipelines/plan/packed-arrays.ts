type IntegerArray = Int32Array | Int8Array | Uint8Array;

/** What an array of integers is in a plan: the one number all elements are, or base64 of little-endian words. */
export type PackedArray = number | string;

/** Arrays of small kinds take two bits an element, the others their own width. */
export function encodeArray(array: IntegerArray): PackedArray {
  const first = array[0];
  if (first !== undefined && array.every((value: number) => value === first)) return first;
  if (array instanceof Uint8Array) return Buffer.from(packKinds(array)).toString('base64');
  return Buffer.from(array.buffer, array.byteOffset, array.byteLength).toString('base64');
}

/** The `n` integers behind a packed array. Throws RangeError when it holds another number of them, or values out of range. */
export function decodeArray<A extends IntegerArray>(
  packed: { readonly value: PackedArray; readonly make: (n: number) => A },
  n: number,
): A {
  const array = packed.make(n);
  if (typeof packed.value === 'number') {
    array.fill(packed.value);
    if (array[0] !== packed.value) throw new RangeError('an integer out of range');
    return array;
  }
  const bytes = Buffer.from(packed.value, 'base64');
  const expected = array instanceof Uint8Array ? Math.ceil(n / 4) : array.byteLength;
  if (bytes.byteLength !== expected) {
    throw new RangeError(`a packed array of ${bytes.byteLength} bytes where ${expected} were expected`);
  }
  if (array instanceof Uint8Array) unpackKinds(bytes, array);
  else new Uint8Array(array.buffer).set(bytes);
  return array;
}

function packKinds(kinds: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(kinds.length / 4));
  for (let i = 0; i < kinds.length; i++) bytes[i >> 2]! |= kinds[i]! << (2 * (i & 3));
  return bytes;
}

function unpackKinds(bytes: Uint8Array, kinds: Uint8Array): void {
  for (let i = 0; i < kinds.length; i++) kinds[i] = (bytes[i >> 2]! >> (2 * (i & 3))) & 3;
}
