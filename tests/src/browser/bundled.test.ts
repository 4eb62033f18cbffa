import { mkdtemp, readFile, rm, symlink, mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import type { Browser } from 'playwright-core';
import { build } from 'vite';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { packageRoot } from '../../../src/shared/files.ts';
import { startServer } from '../../../src/server.ts';
import type { RunningServer } from '../../../src/server.ts';
import { browserFile, noBrowser, startBrowser } from '../../helpers/browsers/browser.ts';
import { servedNet } from '../fixtures/served-net.ts';

/** Pages of other people that use the client: as docs/browser.md says, with Vite and without a bundler. */
const script = `import { connect } from 'SOURCE';
globalThis.ask = async (url, image) => {
  const session = await connect(url, { threads: 1 });
  const { label } = await session.infer(Float32Array.from(image));
  await session.close();
  return label;
};
`;
const types: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.wasm': 'application/wasm',
};

let folder: string;
let pages: Server;
let origin: string;
let server: RunningServer;
let browser: Browser;
let image: number[];

beforeAll(async () => {
  if (browserFile === undefined) return;
  folder = await mkdtemp(join(tmpdir(), 'reluctant-bundled-'));
  await mkdir(join(folder, 'node_modules'));
  await symlink(packageRoot, join(folder, 'node_modules', 'reluctant'));
  pages = createServer((request, response) => void answer(folder, request.url ?? '/', response));
  await new Promise<void>((resolve) => pages.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(pages.address() as AddressInfo).port}`;
  const { prepared, images } = await servedNet();
  image = [...images[0]!];
  server = await startServer({ ...prepared, threads: 1, origins: [origin] });
  browser = await startBrowser({ local: true });
});
afterAll(async () => {
  await browser?.close();
  await server?.close();
  pages?.close();
  if (folder !== undefined) await rm(folder, { recursive: true });
});

async function answer(root: string, path: string, response: ServerResponse) {
  const file = await readFile(join(root, path)).catch(() => undefined);
  response.writeHead(file === undefined ? 404 : 200, {
    'content-type': types[extname(path)] ?? 'text/plain',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-embedder-policy': 'require-corp',
  });
  response.end(file);
}

async function labelFrom(path: string): Promise<number> {
  const page = await browser.newPage();
  await page.goto(origin + path);
  await page.waitForFunction('globalThis.ask !== undefined');
  const label = await page.evaluate<number>(`ask(${JSON.stringify(server.url)}, ${JSON.stringify(image)})`);
  await page.close();
  return label;
}

const skipped = browserFile === undefined ? ` (skipped: ${noBrowser})` : '';
test.skipIf(browserFile === undefined)(`a page built by Vite has the client${skipped}`, async () => {
  await writeFile(join(folder, 'index.html'), '<script type="module" src="/main.js"></script>');
  await writeFile(join(folder, 'main.js'), script.replace('SOURCE', 'reluctant/browser'));
  await build({
    root: folder,
    logLevel: 'error',
    worker: { format: 'es' },
    configFile: false,
    base: '/dist/',
  });
  expect(await labelFrom('/dist/index.html')).toBeGreaterThanOrEqual(0);
});

test.skipIf(browserFile === undefined)(`a page without a bundler has the client${skipped}`, async () => {
  await symlink(join(packageRoot, 'dist/browser'), join(folder, 'reluctant'));
  const source = script.replace('SOURCE', '/reluctant/client.js');
  await writeFile(join(folder, 'plain.html'), `<script type="module">${source}</script>`);
  expect(await labelFrom('/plain.html')).toBeGreaterThanOrEqual(0);
});
