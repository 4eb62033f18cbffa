import { readWasm } from '../platform/platform.ts';

/**
 * The kernels of kernels.as.ts as functions. Arguments are byte offsets into the memory and numbers;
 * engine.ts gives them their meaning.
 */
export type LinearKernels = {
  clear(at: number, bytes: number): void;
  ntt(a: number, table: number, q: number): void;
  intt(a: number, table: number, q: number, scale: number, scaleQ: number): void;
  nttSmall(v: number, a: number, table: number, q: number): void;
  centre(a: number, q: number): void;
  multiplySum(
    list: number,
    terms: number,
    out: number,
    outStride: number,
    acc: number,
    q: number,
    fold: number,
    inverse: number,
    more: boolean,
  ): void;
  lift(v: number, out: number, q: number): void;
  binomial(random: number, out: number): void;
  ternary(random: number, length: number, out: number): number;
  uniform(random: number, words: number, out: number, q: number): number;
  place(m: number, e: number, out: number, low: number, q: number, i: number, iq: number): void;
  quotients(x: number, out: number, q: number): void;
  subtractProduct(x: number, a: number, s: number, sq: number, out: number, q: number): void;
  product(a: number, s: number, sq: number, out: number, q: number): void;
  pack31(x: number, out: number): void;
  unpack31(bytes: number, x: number, q: number): number;
  addError(y: number, e: number, q: number, c: number, cq: number): void;
  switchDown(y: number, stride: number, out: number, reciprocals: number): void;
  share(y: number, stride: number, positions: number, count: number, out: number, constants: number): void;
  residuesOf40(planes: number, out: number, q: number, fold: number): void;
  clientShare(
    a: number,
    b: number,
    positions: number,
    count: number,
    out: number,
    q0: number,
    q1: number,
    k: number,
    kq: number,
  ): void;
};

/** A WebAssembly memory that threads share: an address means the same bytes in each of them. */
export type KernelMemory = { readonly buffer: SharedArrayBuffer; grow(pages: number): number };

/** The part of WebAssembly that is used here. TypeScript declares it only in the DOM library. */
const { WebAssembly: wasm } = globalThis as unknown as {
  WebAssembly: {
    Memory: new (descriptor: { initial: number; maximum: number; shared: true }) => KernelMemory;
    Module: new (bytes: Uint8Array<ArrayBuffer>) => object;
    Instance: new (module: object, imports: object) => { exports: unknown };
  };
};

const pageBytes = 65_536;

/** A memory of one page that grows to 4 GiB. Untouched pages cost nothing. */
export function createKernelMemory(): KernelMemory {
  return new wasm.Memory({ initial: 1, maximum: 65_536, shared: true });
}

/**
 * The address of `bytes` new bytes, which belong to the caller alone: growing is atomic over all threads.
 * Throws RangeError beyond 4 GiB.
 */
export function growBy(memory: KernelMemory, bytes: number): number {
  return memory.grow(Math.ceil(bytes / pageBytes)) * pageBytes;
}

/** The bytes of client-kernels.wasm: without what only a server calls, which a page need not load. */
export function readClientKernels(): Promise<Uint8Array<ArrayBuffer>> {
  return readWasm('crypto/he/client-kernels.wasm');
}

/** The kernels on a memory, from the bytes of kernels.wasm, or of client-kernels.wasm for a client. */
export function linearKernels(binary: Uint8Array<ArrayBuffer>, memory: KernelMemory): LinearKernels {
  const abort = () => {
    throw new Error('kernels of linear layers: aborted');
  };
  const instance = new wasm.Instance(new wasm.Module(binary), { env: { memory, abort } });
  return instance.exports as LinearKernels;
}
