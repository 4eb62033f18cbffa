import { refuse } from '../refusal.ts';
import { TensorProto_DataLocation as DataLocation, TensorProto_DataType as DataType } from './onnx_pb.js';
import type { TensorProto } from './onnx_pb.js';
import type { RawTensor } from './raw.ts';

/** A file beside the model that holds large tensors; it may be longer than what is read of it. */
export type ExternalFile = {
  /** Its length in bytes. */
  readonly length: number;
  /** A copy of `length` bytes from `offset` on, which lie within the file. Throws if they cannot be read. */
  readonly read: (offset: number, length: number) => ArrayBuffer;
};

/** Finds a file beside the model. Returns the reason, in words, if there is none to read. */
export type ExternalData = (location: string) => ExternalFile | { readonly refusal: string };

const maximumElements = 2 ** 29; // 2 GiB of float32, more than a protobuf file can hold

/**
 * Decodes a tensor and checks that it has as many values as its dimensions say. All float types become
 * float32, and 32-bit integers become int64. Calls `refuse` for other types and if the sizes do not match.
 */
export function decodeTensor(proto: TensorProto, external: ExternalData): RawTensor {
  const { name } = proto;
  const shape = proto.dims.map(Number);
  const size = shape.reduce((product, d) => product * d, 1);
  if (shape.some((d) => !(d >= 0)) || !(size <= maximumElements))
    refuse(`tensor ${name}: dimensions [${shape.slice(0, 8).join(', ')}] are out of range`);
  const read =
    readers[proto.dataType] ??
    refuse(`tensor ${name}: data type ${typeName(proto.dataType)} is not supported`);
  return { name, shape, ...read({ proto, size, external }) };
}

type Source = { readonly proto: TensorProto; readonly size: number; readonly external: ExternalData };
type Read = (
  source: Source,
) =>
  | { dtype: 'float32'; data: Float32Array }
  | { dtype: 'int64'; data: BigInt64Array }
  | { dtype: 'bool' | 'uint8'; data: Uint8Array }
  | { dtype: 'int8'; data: Int8Array };

const readers: Readonly<Record<number, Read>> = {
  [DataType.FLOAT]: (s) => floats(rawOr(s, 4, (b) => new Float32Array(b), s.proto.floatData)),
  [DataType.DOUBLE]: (s) => floats(rawOr(s, 8, (b) => new Float64Array(b), s.proto.doubleData)),
  // ONNX stores narrow types in int32_data, 16-bit floats as their bits.
  [DataType.FLOAT16]: (s) => floats(throughTable(rawOr(s, 2, words16, s.proto.int32Data), halves())),
  [DataType.BFLOAT16]: (s) => floats(throughTable(rawOr(s, 2, words16, s.proto.int32Data), brains())),
  [DataType.INT64]: (s) => integers(rawOr(s, 8, (b) => new BigInt64Array(b), s.proto.int64Data)),
  [DataType.INT32]: (s) =>
    integers(
      Array.from(
        rawOr(s, 4, (b) => new Int32Array(b), s.proto.int32Data),
        BigInt,
      ),
    ),
  [DataType.BOOL]: (s) => ({
    dtype: 'bool',
    data: Uint8Array.from(
      rawOr(s, 1, (b) => new Uint8Array(b), s.proto.int32Data),
      (v) => (v === 0 ? 0 : 1),
    ),
  }),
  [DataType.UINT8]: (s) => ({
    dtype: 'uint8',
    data: Uint8Array.from(rawOr(s, 1, (b) => new Uint8Array(b), s.proto.int32Data)),
  }),
  [DataType.INT8]: (s) => ({
    dtype: 'int8',
    data: Int8Array.from(rawOr(s, 1, (b) => new Int8Array(b), s.proto.int32Data)),
  }),
};

const words16 = (buffer: ArrayBuffer) => new Uint16Array(buffer);
// Values of the right type are not copied again: 553 MB of weights then load in a quarter of the time.
const floats = (values: ArrayLike<number>) => ({
  dtype: 'float32' as const,
  data: values instanceof Float32Array ? values : Float32Array.from(values),
});
const integers = (values: ArrayLike<bigint>) => ({
  dtype: 'int64' as const,
  data: values instanceof BigInt64Array ? values : BigInt64Array.from(values),
});

/** The tensor's values, from a typed field, from raw bytes or from another file. */
function rawOr<T extends ArrayLike<unknown>, L extends ArrayLike<unknown>>(
  { proto, size, external }: Source,
  width: number,
  view: (buffer: ArrayBuffer) => T,
  listed: L,
): T | L {
  const outside = proto.dataLocation === DataLocation.EXTERNAL;
  if (!outside && proto.rawData.length === 0) {
    if (listed.length !== size) mismatch(proto, size, listed.length);
    return listed;
  }
  if (outside) return view(externalBytes(proto, size, width, external));
  const { rawData } = proto;
  if (rawData.length !== size * width) mismatch(proto, size, rawData.length / width);
  return view(new Uint8Array(rawData).buffer); // an aligned copy; slice() of a Buffer would share memory
}

function mismatch(proto: TensorProto, expected: number, got: number): never {
  refuse(`tensor ${proto.name}: dimensions [${proto.dims.join(', ')}] need ${expected} values, got ${got}`);
}

function externalBytes(proto: TensorProto, size: number, width: number, external: ExternalData): ArrayBuffer {
  const entry = (key: string) => proto.externalData.find((e) => e.key === key)?.value;
  const location = entry('location') ?? refuse(`tensor ${proto.name}: external data without a location`);
  const file = external(location);
  if ('refusal' in file) refuse(`tensor ${proto.name}: external data file ${location} ${file.refusal}`);
  const offset = Number(entry('offset') ?? 0);
  const length = Number(entry('length') ?? file.length - offset);
  if (!(Number.isSafeInteger(offset) && offset >= 0 && length >= 0 && offset + length <= file.length))
    refuse(`tensor ${proto.name}: its range lies outside the file ${location}`);
  if (length !== size * width) mismatch(proto, size, length / width);
  return file.read(offset, length);
}

/** Tables of all 16-bit floats: MobileNetV2's 3.5 million take 2.1 s one by one and 0.1 s through a table. */
const halves = tableOf(fromHalf);
const brains = tableOf(fromBrain);

function tableOf(f: (bits: number) => number): () => Float32Array {
  let table: Float32Array | undefined;
  return () => (table ??= Float32Array.from({ length: 2 ** 16 }, (_, bits) => f(bits)));
}

function throughTable(bits: ArrayLike<number>, table: Float32Array): Float32Array {
  const values = new Float32Array(bits.length);
  for (let i = 0; i < values.length; i++) values[i] = table[bits[i]! & 0xffff]!;
  return values;
}

/** IEEE 754 binary16. */
function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** bfloat16: the upper half of a float32. */
function fromBrain(bits: number): number {
  return new Float32Array(new Uint32Array([(bits & 0xffff) << 16]).buffer)[0]!;
}

function typeName(type: number): string {
  return DataType[type] ?? String(type);
}
