import { execFile, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import fs, { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Prepared } from '../../../../pipelines/compile/served-plan.ts';
import { Asker } from '../../../../src/cli/commands/gateway/asker.ts';
import type { Session } from '../../../../src/client.ts';
import { startServer } from '../../../../src/server.ts';
import type { RunningServer } from '../../../../src/server.ts';
import { ConnectionError, DataError, ProtocolError, RefusedError } from '../../../../src/shared/errors.ts';
import { packageRoot } from '../../../../src/shared/files.ts';
import { cli, cliServer } from '../../../helpers/processes/cli.ts';
import type { CliServer } from '../../../helpers/processes/cli.ts';
import { servedNet } from '../../fixtures/served-net.ts';

let prepared: Prepared;
let server: RunningServer;
let gateway: CliServer;
let url: string;
let folder: string;
let picture: Buffer;
beforeAll(async () => {
  ({ prepared } = await servedNet());
  server = await startServer({ ...prepared, threads: 1 });
  const options = ['--port', '0', '--threads', '1', '--ahead', '1', '--json'];
  gateway = await cliServer(['gateway', server.url, ...options]);
  ({ url } = JSON.parse(gateway.said) as { url: string });
  folder = await mkdtemp(join(tmpdir(), 'reluctant-gateway-'));
  picture = await sharp({ create: { width: 8, height: 8, channels: 3, background: '#c84' } })
    .png()
    .toBuffer();
});
afterAll(async () => {
  await gateway.stop();
  await server.close();
  await rm(folder, { recursive: true });
});

type Found = { label: number; logits: number[]; error: string; online: { rounds: number } };

async function post(body: Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) {
  const response = await fetch(url, { method: 'POST', body, headers });
  return { status: response.status, found: (await response.json()) as Found };
}

/** A .npy file (version 1). */
function npy(shape: readonly number[], bytes: Uint8Array, type = '|u1'): Uint8Array<ArrayBuffer> {
  const header =
    `{'descr': '${type}', 'fortran_order': False, 'shape': (${shape.join(', ')},), }`.padEnd(117) + '\n';
  const head = Buffer.from(`\x93NUMPY\x01\x00\x00\x00${header}`, 'latin1');
  head.writeUInt16LE(header.length, 8);
  return new Uint8Array([...head, ...bytes]);
}

describe('a program on this machine', () => {
  test('posts a picture or a NumPy array of the same pixels and gets the same answer', async () => {
    const { status, found } = await post(new Uint8Array(picture));
    expect(status).toBe(200);
    expect(found.logits).toHaveLength(5);
    expect(found.online.rounds).toBeGreaterThan(1);
    const planes = Uint8Array.from({ length: 192 }, (_, i) => [0xcc, 0x88, 0x44][Math.floor(i / 64)]!);
    const array = await post(npy([3, 8, 8], planes));
    const floats = Float32Array.from(planes, (byte) => byte / 255);
    const real = await post(npy([1, 3, 8, 8], new Uint8Array(floats.buffer), '<f4'));
    expect(real.found.label).toBe(array.found.label);
    // Truncation is random by a unit of the last place.
    found.logits.forEach((value, i) => expect(Math.abs(value - array.found.logits[i]!)).toBeLessThan(0.1));
  });

  test('learns which model it is', async () => {
    const model = await (await fetch(url)).json();
    expect(model).toMatchObject({ model: prepared.plan.name, input_shape: [3, 8, 8] });
  });

  test.each([
    ['no picture', Uint8Array.of(1, 2, 3), /^picture: the image cannot be decoded/],
    ['nothing', new Uint8Array(0), /expected a picture/],
    ['whole numbers', npy([3, 8, 8], new Uint8Array(768), '<i4'), /^array: expected bytes or floats/],
    [
      'an array of another shape',
      npy([3, 4, 4], new Uint8Array(48)),
      /^array: expected 3 x 8 x 8, got 3 x 4 x 4/,
    ],
  ])('is told what is wrong with %s', async (_, body, message) => {
    const { status, found } = await post(new Uint8Array(body));
    expect(status).toBe(400);
    expect(found.error).toMatch(message);
  });

  test('leaves no picture behind', async () => {
    // Other processes have folders of such names, so that only those which are made here are looked for.
    const made = vi.spyOn(fs, 'mkdtemp');
    syncBuiltinESMExports();
    try {
      expect((await post(new Uint8Array(picture))).status).toBe(200);
      expect((await post(Uint8Array.of(1, 2, 3))).status).toBe(400);
      const folders = await Promise.all(made.mock.results.map(({ value }) => value as Promise<string>));
      expect(folders).toHaveLength(2);
      expect(folders.map((folder) => existsSync(folder))).toEqual([false, false]);
    } finally {
      made.mockRestore();
      syncBuiltinESMExports();
    }
  });

  const python = spawnSync('python3', ['--version']).status === 0;
  test.skipIf(!python)('is one line of Python’s standard library', async () => {
    const file = join(folder, 'picture.png');
    await writeFile(file, picture);
    const script = join(packageRoot, 'docs/examples/gateway.py');
    const { stdout } = await promisify(execFile)('python3', [script, file, url]);
    expect(stdout).toMatch(/^[0-4] None\n$/);
  });
});

describe('others', () => {
  test('a page in a browser of this machine gets nothing, by name or by origin', async () => {
    expect((await post(new Uint8Array(picture), { origin: 'https://evil.example' })).status).toBe(403);
    const status = await new Promise<number | undefined>((resolve) => {
      request(url, { method: 'POST', headers: { host: 'evil.example' } }, (response) => {
        response.resume();
        resolve(response.statusCode);
      }).end('x');
    });
    expect(status).toBe(403);
  });
});

/** A session whose calls end with each of these in turn. */
function session(...ends: (Error | number)[]): Session {
  const infer = () => {
    const end = ends.shift();
    return end instanceof Error ? Promise.reject(end) : Promise.resolve({ label: end });
  };
  return { infer, close: () => Promise.resolve() } as unknown as Session;
}

describe('one session for many callers', () => {
  const image = () => Promise.resolve(new Float32Array(1));
  const asker = (...sessions: Session[]) => {
    let opened = 0;
    return { asker: new Asker(() => Promise.resolve(sessions[opened++]!)), opened: () => opened };
  };

  test('a lost connection costs another try over the same session, an ended session a new one', async () => {
    const lost = asker(session(new ConnectionError('lost'), 1));
    expect((await lost.asker.infer(image)).result.label).toBe(1);
    expect(lost.opened()).toBe(1);
    const ended = asker(session(new ProtocolError('the server is shutting down')), session(2));
    expect((await ended.asker.infer(image)).result.label).toBe(2);
    expect(ended.opened()).toBe(2);
  });

  test('a refusal and a wrong picture are told at once', async () => {
    for (const error of [new RefusedError('busy', 9), new DataError('no picture')]) {
      await expect(asker(session(error, 1)).asker.infer(image)).rejects.toBe(error);
    }
  });

  test('calls wait for each other, but not too many', async () => {
    const { asker: one } = asker(session(...Array.from({ length: 64 }, (_, i) => i)));
    const calls = Array.from({ length: 64 }, () => one.infer(image));
    await expect(one.infer(image)).rejects.toThrow('64 pictures wait already');
    expect((await Promise.all(calls)).map(({ result }) => result.label)).toEqual([...Array(64).keys()]);
  });
});

test('a port in use and a server that is not there are told in one line', async () => {
  const port = new URL(url).port;
  const busy = await cli(['gateway', server.url, '--port', port, '--threads', '1', '--ahead', '0']);
  expect(busy).toMatchObject({ code: 2, stderr: /--port \d+: listen EADDRINUSE/ });
});
