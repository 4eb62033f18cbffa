import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import { rolldown } from 'rolldown';
import { expect, test } from 'vitest';
import { wasmPaths } from '../../../src/browser/assets.ts';
import { packageRoot } from '../../../src/shared/files.ts';

/** The entries of `npm run build:browser`. */
const entries = [
  ...['src/browser/client.ts', 'src/browser/session.ts', 'src/browser/thread.ts'],
  'src/page/client/page.ts',
];

/** What a visitor loads of the bundles, compressed as `serve --web` sends it, in bytes. */
async function bundled(external: RegExp): Promise<number> {
  const bundle = await rolldown({ input: entries, cwd: packageRoot, platform: 'browser', external });
  const { output } = await bundle.generate({ format: 'esm', minify: true });
  await bundle.close();
  const sizes = output.map((chunk) =>
    chunk.type === 'chunk' ? brotliCompressSync(Buffer.from(chunk.code)).length : 0,
  );
  return sizes.reduce((a, b) => a + b, 0);
}

test('our own code takes at most 60 KB: scripts, WASM, the page and its style', async () => {
  const own = await bundled(/^(module|node-seal|@noble\/.*)$/);
  const all = await bundled(/^module$/);
  expect(own).toBeGreaterThan(20_000);
  expect(all - own, 'SEAL’s script and the curves are not ours').toBeGreaterThan(10_000);
  const files = [...wasmPaths, ...['html', 'css'].map((ending) => `src/page/client/page.${ending}`)];
  expect(files.length).toBeGreaterThan(6);
  const others = files.map((file) => brotliCompressSync(readFileSync(join(packageRoot, file))).length);
  expect(own + others.reduce((a, b) => a + b, 0)).toBeLessThan(60_000);
});
