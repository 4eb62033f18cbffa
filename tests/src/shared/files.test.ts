import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, expect, test } from 'vitest';
import {
  inTemporaryFolder,
  isSpecial,
  packageRoot,
  writeFileAtomic,
  writeFileAtomicSync,
} from '../../../src/shared/files.ts';

const folder = mkdtempSync(join(tmpdir(), 'reluctant-files-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('writes the whole file, folders included, and nothing beside it', async () => {
  const file = join(folder, 'a', 'b', 'file.txt');
  const listeners = process.listenerCount('exit');
  await writeFileAtomic(file, 'first');
  await writeFileAtomic(file, 'second');
  expect(readFileSync(file, 'utf8')).toBe('second');
  writeFileAtomicSync(file, 'third');
  expect(readFileSync(file, 'utf8')).toBe('third');
  expect(readdirSync(join(folder, 'a', 'b'))).toEqual(['file.txt']);
  expect(process.listenerCount('exit')).toBe(listeners);
});

test('a write that fails leaves nothing', async () => {
  const failure = writeFileAtomic(folder, 'a folder is in the way');
  await expect(failure).rejects.toThrow(
    `${folder}: it cannot be written (EISDIR: illegal operation on a directory)`,
  );
  await expect(failure).rejects.toMatchObject({ cause: { code: 'EISDIR' } });
  expect(() => writeFileAtomicSync(folder, '')).toThrow(`${folder}: it cannot be written (EISDIR`);
  expect(
    readdirSync(tmpdir()).filter((name) => name.startsWith(folder.slice(tmpdir().length + 1))),
  ).toHaveLength(1);
});

test.each(['at once', 'not at once'])(
  'a link stays, permissions too, and a pipe is written into, not replaced: %s',
  async (how) => {
    const place = mkdtempSync(join(folder, 'targets-'));
    const [file, link, pipe] = ['file', 'link', 'pipe'].map((name) => join(place, name)) as [
      string,
      string,
      string,
    ];
    const write = async (path: string, text: string) =>
      how === 'at once' ? writeFileAtomicSync(path, text) : await writeFileAtomic(path, text);
    await write(file, 'old');
    chmodSync(file, 0o600);
    symlinkSync('file', link);
    await write(link, 'new');
    expect(readFileSync(file, 'utf8')).toBe('new');
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    spawnSync('mkfifo', [pipe]);
    const reader = spawn('cat', [pipe]);
    const read = text(reader.stdout);
    await write(pipe, 'through it');
    expect(await read).toBe('through it');
    expect(lstatSync(pipe).isFIFO()).toBe(true);
    expect(isSpecial(pipe)).toBe(true);
    expect([file, place, join(file, 'none')].map(isSpecial)).toEqual([false, false, false]);
  },
);

test('a temporary folder goes with its use, and with the process', async () => {
  const prefix = join(folder, 'temporary-');
  const left = () => readdirSync(folder).filter((name) => name.startsWith('temporary-'));
  const failure = inTemporaryFolder(prefix, async (own) => {
    await writeFileAtomic(join(own, 'secret'), '');
    expect(left()).toHaveLength(1);
    throw new Error('it failed');
  });
  await expect(failure).rejects.toThrow('it failed');
  expect(left()).toEqual([]);
  const script = `
    import { writeFileSync } from 'node:fs';
    import { inTemporaryFolder } from ${JSON.stringify(join(packageRoot, 'src/shared/files.ts'))};
    await inTemporaryFolder(${JSON.stringify(prefix)}, async (own) => {
      writeFileSync(own + '/secret', '');
      console.log(own);
      process.exit(0);
    });`;
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
    encoding: 'utf8',
  });
  expect(stdout).toContain(prefix);
  expect(left()).toEqual([]);
});

test('a process that ends in the middle of a write leaves neither the file nor a part of it', () => {
  const target = join(folder, 'cut', 'file.bin');
  const script = `
    import { readdirSync } from 'node:fs';
    import { writeFileAtomic } from ${JSON.stringify(join(packageRoot, 'src/shared/files.ts'))};
    void writeFileAtomic(${JSON.stringify(target)}, new Uint8Array(1 << 26));
    const wait = () => {
      let found = [];
      try { found = readdirSync(${JSON.stringify(join(folder, 'cut'))}); } catch {}
      if (found.length === 0) return setImmediate(wait);
      console.log(found.join());
      process.exit(0);
    };
    wait();`;
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
    encoding: 'utf8',
  });
  expect(stdout).toMatch(/file\.bin\..*\.tmp/);
  expect(readdirSync(join(folder, 'cut'))).toEqual([]);
});
