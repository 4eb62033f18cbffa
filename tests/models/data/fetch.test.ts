import { createHash } from 'node:crypto';
import { mkdtemp, readFile, readdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { fetchDataset, fetchFiles, sources } from '../../../models/data/fetch.ts';
import { gunzip } from '../../../models/data/images/idx.ts';
import { ProtocolError } from '../../../src/shared/errors.ts';
import { debianFashion, withoutDebianFashion } from '../../helpers/data/debian-data.ts';

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const content = Buffer.alloc(300_000, 'some images');
const files = { 'images.gz': sha256(content), labels: sha256(content.subarray(5)) };

/** /good/ has the files, /stale/ others, /broken/ a damaged archive; all else is absent. */
const served: Record<string, Uint8Array> = {
  '/good/images.gz': gzipSync(content, { level: 1 }),
  '/good/labels': content.subarray(5),
  '/stale/images.gz': gzipSync(content.subarray(1)),
  '/broken/images.gz': gzipSync(content).subarray(0, 100),
};
const asked: string[] = [];
let server: Server;
let base: string;
let folder: string;

beforeAll(async () => {
  server = createServer((request, response) => {
    asked.push(request.url ?? '');
    const body = served[request.url ?? ''];
    response.writeHead(body === undefined ? 404 : 200).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => void server.close());
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fetch-'));
  asked.length = 0;
});

test('downloads, checks, reports progress, and does not download again', async () => {
  const source = { mirrors: [`${base}/good/`], files };
  const seen: number[] = [];
  await fetchFiles(source, folder, ({ done, total }) => void seen.push(done / total));
  expect(gunzip(await readFile(join(folder, 'images.gz')), 'images')).toEqual(content);
  expect((await readdir(folder)).sort()).toEqual(['images.gz', 'labels']);
  expect(Math.max(...seen)).toBe(1);
  expect(asked).toEqual(['/good/images.gz', '/good/labels']);
  await fetchFiles(source, folder);
  expect(asked).toHaveLength(2);
});

test('a file that is damaged on the disk is downloaded again', async () => {
  await writeFile(join(folder, 'images.gz'), gzipSync(content).subarray(0, 50));
  await fetchFiles({ mirrors: [`${base}/good/`], files }, folder);
  expect(gunzip(await readFile(join(folder, 'images.gz')), 'images')).toEqual(content);
});

test('a mirror that is absent or lies is passed over', async () => {
  const mirrors = ['/none/', '/stale/', '/broken/', '/good/'].map((path) => base + path);
  await fetchFiles({ mirrors, files: { 'images.gz': files['images.gz'] } }, folder);
  expect(asked).toEqual(['/none/images.gz', '/stale/images.gz', '/broken/images.gz', '/good/images.gz']);
});

test('where no mirror helps the error has every reason, and nothing is written', async () => {
  const gone = 'http://127.0.0.1:1/';
  const mirrors = [`${base}/none/`, `${base}/stale/`, `${base}/broken/`, gone];
  const error: unknown = await fetchFiles({ mirrors, files }, folder).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(ProtocolError);
  const { message } = error as ProtocolError;
  expect(message).toMatch(/none\/images.gz: HTTP status 404/);
  expect(message).toMatch(/stale\/images.gz: expected content with SHA-256/);
  expect(message).toMatch(/broken\/images.gz: .*damaged gzip/);
  expect(message).toMatch(/127.0.0.1:1\/images.gz: /);
  expect(await readdir(folder)).toEqual([]);
});

test.skipIf(withoutDebianFashion !== '')(
  `the table knows the files that Debian ships${withoutDebianFashion}`,
  async () => {
    asked.length = 0;
    for (const [file, hash] of Object.entries(sources['fashion-mnist'].files))
      expect(sha256(gunzip(await readFile(join(debianFashion, file)), file))).toBe(hash);
    // So nothing is left to download.
    expect(await fetchDataset('fashion-mnist', { folder: debianFashion })).toBe(debianFashion);
  },
);
