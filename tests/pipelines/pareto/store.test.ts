import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, describe, expect, test } from 'vitest';
import { leaseMs, RunStore } from '../../../pipelines/pareto/store.ts';
import type { Owner } from '../../../pipelines/pareto/store.ts';
import { DataError } from '../../../src/shared/errors.ts';
import { firstLine } from '../../helpers/processes/cli.ts';
import { writeFirstStore } from './first-store.ts';
import { owner, sampleCost, sampleResult, sampleSpec } from './sample.ts';

const folder = mkdtempSync(join(tmpdir(), 'reluctant-store-'));
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
const freshFile = () => join(folder, `${files++}.sqlite`);
const second: Owner = { id: 'second', host: 'elsewhere', pid: 2 };
const specs = [1, 2, 3].map((seed) => sampleSpec({ seed }));

/** A process of its own that takes one job, or all it can get. */
async function holder(file: string, id: string, mode: 'one' | 'all'): Promise<[ChildProcess, string[]]> {
  const entry = join(import.meta.dirname, 'store-holder.ts');
  const child = spawn(process.execPath, [entry, file, id, mode], { stdio: ['ignore', 'pipe', 'inherit'] });
  return [child, JSON.parse(await firstLine(child)) as string[]];
}

async function kill(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

describe('jobs', () => {
  test('are known by what they are: put down twice, there once', () => {
    using store = new RunStore(freshFile());
    const ids = store.add(specs);
    expect(store.add([...specs, sampleSpec({ seed: 4 })]).slice(0, 3)).toEqual(ids);
    expect(store.runs()).toHaveLength(4);
    expect(store.run(ids[1]!).spec).toEqual(specs[1]);
  });

  test('are taken once, in the order asked for', () => {
    using store = new RunStore(freshFile());
    const ids = store.add(specs);
    const wanted = [ids[2]!, ids[0]!];
    expect(store.take(wanted, owner)?.id).toBe(ids[2]);
    expect(store.take(wanted, second)?.id).toBe(ids[0]);
    expect(store.take(wanted, owner)).toBeUndefined();
    expect(store.counts(ids)).toEqual({ waiting: 1, running: 2, done: 0, failed: 0 });
  });

  test('give back what was put in, costs measured later included', () => {
    const file = freshFile();
    const result = {
      ...sampleResult(4321, 0.9),
      bits: { activationBits: 6, weightBits: 11, leftOut: { '/layer1/Relu': 3 } },
    };
    {
      using store = new RunStore(file);
      const [id] = store.add(specs);
      store.take([id!], owner);
      expect(store.finish(id!, owner, result)).toBe(true);
      store.addCost(id!, sampleCost(4321, 'loopback', 'measured'), result.machine);
    }
    using store = new RunStore(file);
    const run = store.runs()[0]!;
    const { costs, ...rest } = result;
    expect(run.state).toBe('done');
    expect(run.result).toEqual({ ...rest, finishedAt: run.result!.finishedAt });
    const stored = run.costs.map(({ machine: _, at: __, ...cost }) => cost);
    expect(stored).toHaveLength(4);
    expect(stored).toEqual(expect.arrayContaining([...costs, sampleCost(4321, 'loopback', 'measured')]));
  });

  test('that failed say why, and wait again when they are asked for again', () => {
    using store = new RunStore(freshFile());
    const [id] = store.add(specs);
    store.take([id!], owner);
    store.fail(id!, owner, 'out of memory');
    expect(store.run(id!)).toMatchObject({ state: 'failed', message: 'out of memory' });
    expect(store.take([id!], owner)).toBeUndefined();
    store.add(specs);
    expect(store.take([id!], owner)).toMatchObject({ id, attempts: 2 });
  });

  test('that are done stay done', () => {
    using store = new RunStore(freshFile());
    const [id] = store.add(specs);
    store.take([id!], owner);
    store.finish(id!, owner, sampleResult(10, 0.5));
    store.add(specs);
    expect(store.take([id!], owner)).toBeUndefined();
  });
});

describe('a lease', () => {
  test('holds while it is renewed; when it is over another takes the job, and the first can no longer finish it', () => {
    using store = new RunStore(freshFile());
    const [id] = store.add(specs);
    store.take([id!], owner, 0);
    expect(store.beat(id!, owner, leaseMs)).toBe(true);
    expect(store.take([id!], second, 2 * leaseMs)).toBeUndefined();
    expect(store.take([id!], second, 2 * leaseMs + 1)?.attempts).toBe(2);
    expect(store.beat(id!, owner)).toBe(false);
    expect(store.finish(id!, owner, sampleResult(1, 0.1))).toBe(false);
    store.fail(id!, owner, 'late');
    store.release(id!, owner);
    expect(store.run(id!)).toMatchObject({ state: 'running', message: null, result: null });
    expect(store.finish(id!, second, sampleResult(2, 0.2))).toBe(true);
    expect(store.run(id!).result!.relus).toBe(2);
  });

  test('of a process killed with -9 is void at once; one of a living process is not', async () => {
    const file = freshFile();
    using store = new RunStore(file);
    const [id] = store.add([specs[0]!]);
    const [child, taken] = await holder(file, 'killed', 'one');
    expect(taken).toEqual([id]);
    expect(store.take([id!], owner)).toBeUndefined();
    await kill(child);
    expect(store.take([id!], owner)).toMatchObject({ id, attempts: 2 });
  });

  test('is given to one of several processes that ask at the same time', async () => {
    const file = freshFile();
    using store = new RunStore(file);
    const ids = store.add(Array.from({ length: 40 }, (_, seed) => sampleSpec({ seed })));
    const holders = await Promise.all(['a', 'b', 'c'].map((name) => holder(file, name, 'all')));
    const taken = holders.flatMap(([, own]) => own);
    await Promise.all(holders.map(([child]) => kill(child)));
    expect(taken.toSorted()).toEqual(ids.toSorted());
  });
});

describe('a store of the first version', () => {
  const version = (file: string) => {
    const database = new DatabaseSync(file, { readOnly: true });
    const columns = database.prepare("SELECT name FROM pragma_table_info('jobs')").all();
    const found = database.prepare('PRAGMA user_version').get()!['user_version'];
    database.close();
    return [found, columns.map(({ name }) => name).join()] as const;
  };

  test('is read as it is; what is done counts when it goes on, beside jobs of settings that came later', () => {
    const file = freshFile();
    writeFirstStore(file);
    const spec = sampleSpec({ searchEpochs: 3 });
    {
      using store = new RunStore(file);
      expect(store.runs()[0]).toMatchObject({ spec, state: 'done', result: { relus: 5000 } });
    }
    expect(version(file)[0]).toBe(1);
    using store = new RunStore(file);
    const channels = sampleSpec({
      method: 'snl',
      granularity: 'channel',
      replace: 'affine',
      searchEpochs: 3,
    });
    const pretrained = sampleSpec({ method: 'deepreshape', pretrainEpochs: 7 });
    const losses = { featureLoss: 1000, rangeLoss: 0.001 };
    const ranked = sampleSpec({ method: 'autorep', ranking: 'taylor', ...losses });
    const fewerBits = sampleSpec({ agreement: 0.99 });
    const all = [spec, channels, pretrained, ranked, fewerBits];
    const ids = store.add(all);
    expect(store.runs().map((run) => run.spec)).toEqual(all);
    expect(store.take(ids, owner)?.spec).toEqual(channels);
    const fresh = freshFile();
    new RunStore(fresh)[Symbol.dispose]();
    expect(version(file)).toEqual(version(fresh));
  });

  test('gets commands that reduce takes', () => {
    const file = freshFile();
    writeFirstStore(file);
    using store = new RunStore(file);
    store.add([]);
    expect(store.runs()[0]!.result!.command).toBe(
      'reluctant reduce net.onnx --method deepreduce --epochs 2 --seed 1 --out networks/5000.onnx',
    );
  });

  test('can be made into one of this version by two processes that have it open', () => {
    const file = freshFile();
    writeFirstStore(file);
    using first = new RunStore(file);
    using other = new RunStore(file);
    const [id] = first.add([sampleSpec({ granularity: 'pixel' })]);
    expect(other.add([sampleSpec({ granularity: 'pixel' })])).toEqual([id]);
    expect(other.take([id!], owner)?.spec.granularity).toBe('pixel');
  });
});

describe('a file that is no store of this version is refused', () => {
  const open = (file: string) => () => new RunStore(file)[Symbol.dispose]();

  test('not SQLite', () => {
    const file = freshFile();
    writeFileSync(file, 'relus,accuracy\n12,0.5\n'.repeat(100));
    expect(open(file)).toThrow(DataError);
    expect(open(file)).toThrow(/not a store of runs/);
  });

  test("another program's database", () => {
    const file = freshFile();
    const other = new DatabaseSync(file);
    other.exec('CREATE TABLE notes (text TEXT)');
    other.close();
    expect(open(file)).toThrow(/another program/);
  });

  test('tables of a later version', () => {
    const file = freshFile();
    open(file)();
    const later = new DatabaseSync(file);
    later.exec('PRAGMA user_version = 99');
    later.close();
    expect(open(file)).toThrow(/expected tables of version 1 to 5, got 99/);
  });
});
