import { outputSize } from '../spec.ts';
import type { LinearSpec } from '../spec.ts';
import { readWasm } from '../platform/platform.ts';
import { instantiate } from '../platform/wasm.ts';
import type { Memory } from '../platform/wasm.ts';

/**
 * Arithmetic on vectors over Z_{2^32}, as signed or unsigned words. All calls are synchronous, and one
 * instance serves one thread.
 */
export interface Ring {
  /**
   * The convolution of `spec`, zero padded, with any stride, padding, dilation and group: input [C, H, W],
   * weights [M, C / group, kh, kw], bias [M] (default: zeros), output [M, H', W'], mod 2^32. Throws
   * RangeError when a length is not that of the spec.
   */
  conv(
    spec: LinearSpec,
    weights: Int32Array,
    input: Uint32Array,
    bias?: Int32Array,
  ): Uint32Array<ArrayBuffer>;
  /** The product of a [M, K] and b [K, P], row-major, mod 2^32. Throws RangeError when a length is wrong. */
  gemm(a: Words, b: Words, m: number, k: number, p: number): Uint32Array<ArrayBuffer>;
}

type Words = Int32Array | Uint32Array;

type Kernels = {
  heapBase(): number;
  gemm(a: number, offsets: number, x: number, bias: number, c: number, m: number, k: number, p: number): void;
};

let loaded: Promise<Ring> | undefined;

/** The kernels of this thread, compiled once. */
export function loadRing(): Promise<Ring> {
  loaded ??= readWasm('crypto/ring/kernels.wasm').then(createRing);
  return loaded;
}

/** A ring with its own memory, from the bytes of kernels.wasm. */
export async function createRing(binary: Uint8Array<ArrayBuffer>): Promise<Ring> {
  const { kernels, memory } = await instantiate<Kernels>(binary);
  const arena = new Arena(memory, kernels.heapBase());
  return {
    conv: (spec, weights, input, bias) => conv(kernels, arena, spec, weights, input, bias),
    gemm: (a, b, m, k, p) => gemm(kernels, arena, a, b, m, k, p),
  };
}

/** Memory that every call takes from the start again. It grows to the largest call so far and is kept. */
class Arena {
  readonly #memory: Memory;
  readonly #base: number;
  #next = 0;

  constructor(memory: Memory, base: number) {
    this.#memory = memory;
    this.#base = base;
  }

  /** The byte offsets of blocks of these many bytes, each on a 64-byte line. Earlier blocks are given up. */
  blocks<const T extends readonly number[]>(sizes: T): { -readonly [K in keyof T]: number } {
    this.#next = (this.#base + 63) & ~63;
    const offsets = sizes.map((size) => this.#take(size));
    const missing = this.#next - this.#memory.buffer.byteLength;
    if (missing > 0) this.#memory.grow(Math.ceil(missing / 65536));
    return offsets as { -readonly [K in keyof T]: number };
  }

  #take(size: number): number {
    const at = this.#next;
    this.#next = at + Math.ceil(size / 64) * 64;
    return at;
  }

  words(at: number, length: number): Uint32Array<ArrayBuffer> {
    return new Uint32Array(this.#memory.buffer, at, length);
  }
}

function expectLength(what: string, array: ArrayLike<number>, expected: number): void {
  if (array.length !== expected) throw new RangeError(`${what}: expected ${expected}, got ${array.length}`);
}

const roundUp16 = (n: number) => (n + 15) & ~15;

function gemm(kernels: Kernels, arena: Arena, a: Words, b: Words, m: number, k: number, p: number) {
  expectLength('gemm: left elements', a, m * k);
  expectLength('gemm: right elements', b, k * p);
  const columns = roundUp16(p);
  const [A, offsets, X, bias, C] = arena.blocks([4 * m * k, 4 * k, 4 * (k * p + 16), 4 * m, 4 * m * columns]);
  arena.words(A, m * k).set(a);
  arena.words(X, k * p).set(b);
  arena.words(offsets, k).forEach((_, row, rows) => (rows[row] = row * p));
  arena.words(bias, m).fill(0);
  kernels.gemm(A, offsets, X, bias, C, m, k, columns);
  const result = new Uint32Array(m * p);
  for (let row = 0; row < m; row++) result.set(arena.words(C + 4 * row * columns, p), row * p);
  return result;
}

/**
 * The padded image as stridesY x stridesX phase images per channel, [C, phase, height, width]. Every tap of
 * the kernel then reads a window of one phase with step 1, and a row of the right-hand matrix is a run of
 * consecutive words.
 */
type Phases = { height: number; width: number; count: number; channelWords: number };

function phasesOf(spec: LinearSpec): Phases {
  const [top, left, bottom, right] = spec.pads;
  const height = Math.ceil((spec.height + top + bottom) / spec.strides[0]);
  const width = Math.ceil((spec.width + left + right) / spec.strides[1]);
  const count = spec.strides[0] * spec.strides[1];
  return { height, width, count, channelWords: count * height * width };
}

function writePhases(target: Uint32Array, spec: LinearSpec, phases: Phases, input: Uint32Array): void {
  const [strideY, strideX] = spec.strides;
  target.fill(0);
  for (let c = 0; c < spec.inChannels; c++) {
    for (let i = 0; i < spec.height; i++) {
      const row = i + spec.pads[0];
      const start = (c * spec.height + i) * spec.width;
      const phaseRow = (row % strideY) * strideX;
      const rowAt = Math.floor(row / strideY) * phases.width;
      for (let phase = 0; phase < strideX; phase++) {
        const first = (((phase - spec.pads[1]) % strideX) + strideX) % strideX;
        let at =
          (c * phases.count + phaseRow + phase) * phases.height * phases.width +
          rowAt +
          (first + spec.pads[1] - phase) / strideX;
        if (strideX === 1) target.set(input.subarray(start, start + spec.width), at);
        else for (let j = first; j < spec.width; j += strideX) target[at++] = input[start + j]!;
      }
    }
  }
}

/**
 * Writes the word offset of each row (channel of the group, kernel row, kernel column) of the right-hand
 * matrix.
 */
function writeOffsets(target: Uint32Array, spec: LinearSpec, phases: Phases): void {
  const [strideY, strideX] = spec.strides;
  let row = 0;
  for (let c = 0; c < spec.inChannels / spec.group; c++) {
    for (let ky = 0; ky < spec.kernel[0]; ky++) {
      for (let kx = 0; kx < spec.kernel[1]; kx++) {
        const y = ky * spec.dilations[0];
        const x = kx * spec.dilations[1];
        const phase = (y % strideY) * strideX + (x % strideX);
        target[row++] =
          c * phases.channelWords +
          phase * phases.height * phases.width +
          Math.floor(y / strideY) * phases.width +
          Math.floor(x / strideX);
      }
    }
  }
}

function conv(
  kernels: Kernels,
  arena: Arena,
  spec: LinearSpec,
  weights: Int32Array,
  input: Uint32Array,
  biases?: Int32Array,
) {
  const phases = phasesOf(spec);
  const [outHeight, outWidth] = outputSize(spec);
  const inGroup = spec.inChannels / spec.group;
  const outGroup = spec.outChannels / spec.group;
  const depth = inGroup * spec.kernel[0] * spec.kernel[1];
  expectLength('conv: weights', weights, spec.outChannels * depth);
  expectLength('conv: input elements', input, spec.inChannels * spec.height * spec.width);
  if (biases !== undefined) expectLength('conv: biases', biases, spec.outChannels);

  const columns = roundUp16((outHeight - 1) * phases.width + outWidth);
  const inputWords = spec.inChannels * phases.channelWords;
  const [A, offsets, X, bias, C] = arena.blocks([
    4 * weights.length,
    4 * depth,
    4 * (inputWords + 16),
    4 * spec.outChannels,
    4 * spec.outChannels * columns,
  ]);
  arena.words(A, weights.length).set(weights);
  writeOffsets(arena.words(offsets, depth), spec, phases);
  writePhases(arena.words(X, inputWords + 16), spec, phases, input);
  if (biases === undefined) arena.words(bias, spec.outChannels).fill(0);
  else arena.words(bias, spec.outChannels).set(biases);

  for (let g = 0; g < spec.group; g++) {
    const first = g * outGroup;
    const x = X + 4 * g * inGroup * phases.channelWords;
    kernels.gemm(
      A + 4 * first * depth,
      offsets,
      x,
      bias + 4 * first,
      C + 4 * first * columns,
      outGroup,
      depth,
      columns,
    );
  }
  return gather(arena, C, spec.outChannels, columns, phases.width, outHeight, outWidth);
}

/** Drops the columns between the end of an output row and the next row of the phase image. */
function gather(
  arena: Arena,
  at: number,
  channels: number,
  columns: number,
  rowWords: number,
  height: number,
  width: number,
) {
  const source = arena.words(at, channels * columns);
  const result = new Uint32Array(channels * height * width);
  let to = 0;
  for (let m = 0; m < channels; m++) {
    for (let i = 0; i < height; i++) {
      const from = m * columns + i * rowWords;
      for (let j = 0; j < width; j++) result[to++] = source[from + j]!;
    }
  }
  return result;
}
