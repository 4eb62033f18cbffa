import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defaultMachine } from '../../../../../pipelines/cost/default-machine.ts';
import { budgetTexts, jobsOf } from '../../../../../pipelines/pareto/grid.ts';
import { parseMethods } from '../../../../../pipelines/pareto/series.ts';
import { basesInMemory } from '../../../../../pipelines/reduce/deepreshape/bases.ts';
import { methodNames } from '../../../../../pipelines/reduce/methods.ts';
import type { MethodName } from '../../../../../pipelines/reduce/methods.ts';
import { methodOptions, refusalOf, takes } from '../../../../../pipelines/reduce/options.ts';
import type { MethodOption } from '../../../../../pipelines/reduce/options.ts';
import { reduce } from '../../../../../pipelines/reduce/reduce.ts';
import type { ReduceOptions } from '../../../../../pipelines/reduce/reduce.ts';
import { buildProgram } from '../../../../../src/cli/program.ts';
import { DataError, ModelError, UsageError } from '../../../../../src/shared/errors.ts';
import { silent } from '../../../../../src/shared/progress.ts';
import { barResnet } from '../../../../helpers/networks/networks.ts';
import { circaSetting } from '../../../../pipelines/pareto/sample.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reluctant-options-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/**
 * How an option is given: words of the command line, what the library is told, a sweep; left out where there
 * is no such way.
 */
type Ways = {
  readonly words?: readonly string[];
  readonly told?: Partial<ReduceOptions>;
  readonly sweep?: { readonly addition?: string; readonly grid?: object; readonly budget?: string };
};

const ways: { readonly [O in MethodOption]: Ways } = {
  costBudget: {
    words: ['--budget', '1s@wan'],
    told: { budget: '1s@wan' },
    sweep: { budget: '1s@wan' },
  },
  agreement: { words: ['--agreement', '0.99'], told: { agreement: 0.99 } },
  family: { words: ['--family'] },
  replace: {
    words: ['--replace', 'none'],
    told: { replace: 'none' },
    sweep: { grid: { replace: 'none' } },
  },
  granularity: {
    words: ['--granularity', 'channel'],
    told: { granularity: 'channel' },
    sweep: { addition: '+channel' },
  },
  ranking: {
    words: ['--ranking', 'taylor'],
    told: { ranking: 'taylor' },
    sweep: { addition: '+taylor' },
  },
  searchEpochs: {
    words: ['--search-epochs', '2'],
    told: { searchEpochs: 2 },
    sweep: { grid: { searchEpochs: 2 } },
  },
  noSearch: { words: ['--search-epochs', '0'], told: { searchEpochs: 0 } },
  stages: { words: ['--stages', 'S1=*'], told: { deepreduce: { stages: [{ name: 'S1', nodes: ['*'] }] } } },
  criticality: { words: ['--criticality', 'trained'], told: { deepreduce: { criticality: 'trained' } } },
  criticalityEpochs: { words: ['--criticality-epochs', '2'], told: { deepreduce: { criticalityEpochs: 2 } } },
  order: { words: ['--order', 'S2,S1'], told: { deepreduce: { order: ['S2', 'S1'] } } },
  cull: { words: ['--cull', 'S1'], told: { deepreduce: { cull: ['S1'] } } },
  thinning: { words: ['--thinning', 'layers'], told: { deepreduce: { thinning: 'layers' } } },
  alpha: { words: ['--alpha', '0.5'], told: { deepreduce: { alpha: 0.5 } } },
  rho: { words: ['--rho', '0.5'], told: { deepreduce: { rho: 0.5 } } },
  pretrainEpochs: {
    words: ['--pretrain-epochs', '2'],
    told: { deepreshape: { pretrainEpochs: 2 } },
    sweep: { grid: { pretrainEpochs: 2 } },
  },
  baseWidth: { words: ['--base-width', '4'], told: { deepreshape: { baseWidth: 4 } } },
  removal: { words: ['--removal', 'fine'], told: { deepreshape: { removal: 'fine' } } },
  reuse: { words: ['--reuse', '2'], told: { deepreshape: { reuse: 2 } } },
  mitigate: {
    words: ['--mitigate', 'reweight'],
    told: { mitigate: { scheme: 'reweight' } },
  },
  fairSelect: { words: ['--fair-select'], told: { fairSelect: true } },
  featureLoss: {
    words: ['--feature-loss', '1000'],
    told: { featureLoss: 1000 },
    sweep: { addition: '+feature-loss=1000' },
  },
  rangeLoss: {
    words: ['--range-loss', '0.001'],
    told: { rangeLoss: 0.001 },
    sweep: { addition: '+range-loss=0.001' },
  },
  polish: { words: ['--polish', '20'], told: { polish: 20 } },
  checkpoint: { words: ['--checkpoint', 'run'], told: { checkpoint: 'run' } },
  machine: { told: { machine: defaultMachine } },
  bases: { told: { bases: basesInMemory() } },
};

const cases = (Object.keys(methodOptions) as MethodOption[]).flatMap((option) =>
  methodNames.map((method) => [option, method] as const),
);
const refused = cases.filter(([option, method]) => !takes(method, option));
const taken = cases.filter(([option, method]) => takes(method, option));

/** Of 0 epochs what a method says that does not search at all: that it takes no epochs of search. */
const sentenceOf = (option: MethodOption, method: MethodName) =>
  refusalOf(option === 'noSearch' && !takes(method, 'searchEpochs') ? 'searchEpochs' : option, [method]);

async function byCommand(method: MethodName, words: readonly string[]): Promise<void> {
  const isFamily = words.includes('--family');
  const budget = words.includes('--budget') || isFamily ? [] : ['--budget', '9'];
  const out = join(folder, isFamily ? 'family' : 'out.onnx');
  const data = ['--data', 'fashion-mnist-part', '--out', out];
  const argv = ['reduce', 'nothing.onnx', '--method', method, ...budget, ...data, ...words];
  const context = {
    ...{
      onProgress: silent,
      say: () => undefined,
      warn: () => undefined,
      show: () => undefined,
      staysUp: () => undefined,
    },
    signal: new AbortController().signal,
  };
  const program = await buildProgram(argv, '0.0.0', (work) => async (...args) => {
    await work(context, ...args);
  });
  await program.parseAsync(argv, { from: 'user' });
}

function byLibrary(method: MethodName, told: Partial<ReduceOptions>): Promise<unknown> {
  return reduce(barResnet(), { method, budget: 9, data: 'npz:/nothing.npz', ...told });
}

function bySweep(method: MethodName, { addition = '', grid = {}, budget = '9' }: Ways['sweep'] & object) {
  const work = { network: 'n', networkHash: '00', data: 'd', dataHash: '00', seeds: 1, epochs: 1 };
  return jobsOf({
    ...{ ...work, searchEpochs: null, pretrainEpochs: null, agreement: null, replace: null },
    methods: parseMethods(method + addition, circaSetting),
    budgets: budgetTexts(budget),
    ...grid,
  });
}

describe('an option of another method', () => {
  test.each(refused)('%s with %s is refused in one sentence everywhere', async (option, method) => {
    const { words, told, sweep } = ways[option];
    const sentence = sentenceOf(option, method);
    expect(sentence).toContain(`: ${method} does not take it; `);
    const errors: unknown[] = [];
    const note = (error: unknown) => void errors.push(error);
    if (words) await byCommand(method, words).catch(note);
    if (told) await byLibrary(method, told).catch(note);
    if (sweep)
      try {
        bySweep(method, sweep);
      } catch (error) {
        note(error);
      }
    expect(errors).toHaveLength([words, told, sweep].filter((way) => way !== undefined).length);
    for (const error of errors) {
      expect(error).toBeInstanceOf(UsageError);
      const { message } = error as Error;
      expect(message.replace(/^--methods: '.*?': /, '')).toBe(sentence);
    }
  });

  test.each(taken)('%s with %s is taken everywhere', async (option, method) => {
    const { words, told, sweep } = ways[option];
    // Each then stops at what is not there: the model, the data.
    if (words) await expect(byCommand(method, words)).rejects.toThrow(ModelError);
    if (told) await expect(byLibrary(method, told)).rejects.toThrow(DataError);
    if (sweep) expect(bySweep(method, sweep)).toHaveLength(2);
  });
});

test('a sweep takes an option for those of its methods that take it, and tells no other', () => {
  const jobs = bySweep('snl', { addition: ',deepreshape', grid: { pretrainEpochs: 2 } });
  expect(jobs.map(({ method, pretrainEpochs }) => [method, pretrainEpochs])).toEqual([
    ['original', null],
    ['snl', null],
    ['deepreshape', 2],
  ]);
  const costs = bySweep('snl', { addition: ',hybrid', budget: '1s@wan' });
  expect(costs.map(({ method }) => method)).toEqual(['original', 'hybrid']);
  expect(() => bySweep('snl', { addition: ',deepreduce', grid: { pretrainEpochs: 2 } })).toThrow(
    'option pretrain-epochs: snl and deepreduce do not take it; deepreshape does',
  );
});

test('every option of the command line has its line of --help from the table', async () => {
  const program = await buildProgram(['reduce'], '0.0.0', () => () => Promise.resolve());
  const command = program.commands.find((one) => one.name() === 'reduce')!;
  for (const [option, { words = [] }] of Object.entries(ways)) {
    const [flag = ''] = words;
    if (flag === '' || flag === '--budget') continue;
    const line = command.options.find(({ long }) => long === flag)!.description;
    expect(line).toContain(methodOptions[option as MethodOption].summary);
  }
});
