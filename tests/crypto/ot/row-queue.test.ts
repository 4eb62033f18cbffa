import { expect, test } from 'vitest';
import { RowQueue } from '../../../crypto/ot/row-queue.ts';

const rowsFrom = (first: number, count: number) =>
  Uint32Array.from({ length: 4 * count }, (_, i) => 4 * first + i);

test('takers get rows and choices of their own, and a block whose rows are all taken is released', async () => {
  const queue = new RowQueue();
  const blocks = [0, 16].map((first) => ({ rows: rowsFrom(first, 16), choices: Uint8Array.of(first, 0xff) }));
  const gone = blocks.map((content) => queue.add(16, Promise.resolve(content)));
  queue.promise(32);
  const first = await queue.take(10);
  expect(first).toEqual({ first: 0, rows: rowsFrom(0, 10), choices: Uint8Array.of(0, 3) });
  // Nobody else's rows are in this buffer, which may move to another thread.
  expect(first.rows.buffer.byteLength).toBe(160);
  expect(blocks.map(({ rows }) => rows.length)).toEqual([64, 64]);
  const second = await queue.take(10);
  await gone[0];
  expect(second.rows).toEqual(rowsFrom(10, 10));
  expect(blocks.map(({ rows }) => rows.length)).toEqual([0, 64]);
  expect((await queue.take(12)).rows).toEqual(rowsFrom(20, 12));
  expect(blocks.map(({ rows, choices }) => [rows.length, choices.length])).toEqual([
    [0, 0],
    [0, 0],
  ]);
});
