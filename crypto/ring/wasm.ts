import { readPackageFile } from '../../src/shared/files.ts';

/** A WebAssembly memory of this process's own. */
export type Memory = { readonly buffer: ArrayBuffer; grow(pages: number): number };

/**
 * The part of WebAssembly that is used here. TypeScript declares it only in the DOM library, which a Node
 * program does not load.
 */
const { WebAssembly: wasm } = globalThis as unknown as {
  WebAssembly: {
    Memory: new (descriptor: { initial: number }) => Memory;
    instantiate(bytes: Uint8Array<ArrayBuffer>, imports: object): Promise<{ instance: { exports: unknown } }>;
  };
};

/** Kernels with a memory of their own. */
export type Instance<Kernels> = { readonly kernels: Kernels; readonly memory: Memory };

/** Compiles the bytes of one of the .wasm files beside this one. */
export async function instantiate<Kernels>(binary: Uint8Array<ArrayBuffer>): Promise<Instance<Kernels>> {
  const memory = new wasm.Memory({ initial: 1 });
  const abort = () => {
    throw new Error('kernels: aborted');
  };
  const { instance } = await wasm.instantiate(binary, { env: { memory, abort } });
  return { kernels: instance.exports as Kernels, memory };
}

/** Throws an Error that says how to build the kernels when the file is missing. */
export async function readKernels(name: 'kernels' | 'planes'): Promise<Uint8Array<ArrayBuffer>> {
  const path = `crypto/ring/${name}.wasm`;
  try {
    return await readPackageFile(path);
  } catch (cause) {
    throw new Error(`${path} is missing: run 'npm run build:kernels'`, { cause });
  }
}
