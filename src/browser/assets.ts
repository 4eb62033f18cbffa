import type { Platform } from '../../crypto/platform/platform.ts';

/**
 * The WASM files, which the build puts beside the bundles: crypto/ring/kernels.wasm as ring-kernels.wasm.
 * Bundlers of other people's pages find them by these expressions.
 */
const files: Readonly<Record<string, URL>> = {
  'crypto/he/client-kernels.wasm': new URL('./he-client-kernels.wasm', import.meta.url),
  'crypto/platform/aes.wasm': new URL('./platform-aes.wasm', import.meta.url),
  'crypto/ring/columns.wasm': new URL('./ring-columns.wasm', import.meta.url),
  'crypto/ring/kernels.wasm': new URL('./ring-kernels.wasm', import.meta.url),
  'crypto/ring/planes.wasm': new URL('./ring-planes.wasm', import.meta.url),
  'crypto/ring/silent.wasm': new URL('./ring-silent.wasm', import.meta.url),
};

const seal = new URL('./seal_throws.wasm', import.meta.url);

export const fetchWasm: Platform['readWasm'] = (path) => fetched(files[path]!);
export const fetchSeal = (): Promise<Uint8Array<ArrayBuffer>> => fetched(seal);

async function fetched(url: URL): Promise<Uint8Array<ArrayBuffer>> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${response.url}: HTTP ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

/** For tests; a page does without. */
export const wasmPaths: readonly string[] = /* @__PURE__ */ Object.keys(files);
