import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { packageRoot, writeFileAtomic, writeFileAtomicSync } from '../../../src/shared/files.ts';

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
