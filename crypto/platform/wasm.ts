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

/** Compiles the bytes of a file of kernels. */
export async function instantiate<Kernels>(binary: Uint8Array<ArrayBuffer>): Promise<Instance<Kernels>> {
  const memory = new wasm.Memory({ initial: 1 });
  const abort = () => {
    throw new Error('kernels: aborted');
  };
  const { instance } = await wasm.instantiate(binary, { env: { memory, abort } });
  return { kernels: instance.exports as Kernels, memory };
}
