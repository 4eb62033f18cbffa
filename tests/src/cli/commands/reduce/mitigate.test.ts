import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describePrice } from '../../../../../src/cli/commands/reduce/mitigating.ts';
import { cli, cliJson } from '../../../../helpers/processes/cli.ts';
import { writeSmallData } from '../../../../helpers/data/data.ts';
import { writeTiny } from '../../../../helpers/networks/networks.ts';

let folder: string;
let args: string[];
const out = (name: string) => join(folder, name);

type Row = { model: string; relus: number; accuracy: number; gap: number; worst_group: string };
type Found = {
  relus_after: number;
  accuracy_before: number;
  accuracy_after: number;
  price: {
    models: Row[];
    cost: number;
    cost_interval: number[];
    gap_change: number;
    control: { cost: number; gap_change: number };
  };
  multipliers: { phase: string; groups: { group: string; multiplier: number }[] }[];
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reluctant-mitigate-'));
  const data = `${await writeSmallData(folder, 300)}+shifted=0.4`;
  args = ['reduce', await writeTiny(folder), '--method', 'deepreduce', '--budget', '0.5'];
  args.push('--data', data, '--epochs', '2');
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe('reduce --mitigate', () => {
  test('the price against the same reduction without it, and the multipliers of each epoch', async () => {
    const options = ['--mitigate', 'primal-dual', '--groups', 'shift', '--multiplier-rate', '0.5'];
    options.push('--control', '--checkpoint', out('kept')); // no training may take another's state
    const found = await cliJson<Found>([...args, ...options, '--out', out('fair.onnx')]);
    const [original, control, without, mitigated] = found.price.models;
    expect(found.price.models.map(({ model }) => model)).toEqual(['original', 'control', 'without', 'with']);
    expect(control!.relus).toBe(original!.relus);
    expect(found.price.control.cost).toBeCloseTo(original!.accuracy - control!.accuracy, 12);
    expect(found.price.control.gap_change).toBeCloseTo(control!.gap - original!.gap, 12);
    expect([without!.relus, mitigated!.relus]).toEqual([found.relus_after, found.relus_after]);
    expect(original!.accuracy).toBeCloseTo(found.accuracy_before, 12);
    expect(mitigated!.accuracy).toBeCloseTo(found.accuracy_after, 12);
    expect(found.price.cost).toBeCloseTo(without!.accuracy - mitigated!.accuracy, 12);
    expect(found.price.gap_change).toBeCloseTo(mitigated!.gap - without!.gap, 12);
    expect(['plain', 'shifted']).toContain(mitigated!.worst_group);
    expect(found.multipliers).toHaveLength(2); // two epochs, of one training or shared by two
    expect(found.multipliers.at(-1)!.phase).toBe('fine-tuning');
    for (const { groups } of found.multipliers)
      expect(groups.map(({ group }) => group)).toEqual(['plain', 'shifted']);
  });

  test('against a network that is there, in words; one with other ReLUs is refused', async () => {
    const plain = await cli([...args, '--out', out('plain.onnx')]);
    expect(plain.stdout).not.toMatch(/mitigated/);
    const against = ['--mitigate', 'reweight', '--against', out('plain.onnx'), '--out', out('fair.onnx')];
    against.push('--groups', 'shift'); // ten classes would be too small to tell a gap
    const { code, stdout } = await cli([...args, ...against, '--fair-select']);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/reduced, mitigated/)]);
    expect(stdout).toMatch(
      /At the same number of ReLUs, mitigation changes the gap .* group by [-+]?\d+\.\d points/,
    );
    const wrong = await cli([...args, ...against, '--against', join(folder, 'tiny.onnx')]);
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringMatching(/--against .*tiny\.onnx.*ReLUs/)]);
  });

  test.each([
    [['--groups', 'shift'], /--mitigate or --fair-select/],
    [['--mitigate', 'reweight', '--tolerance', '0.1'], /primal-dual/],
    [['--mitigate', 'primal-dual', '--groups', 'race'], /race.*it has label, shift/],
    [['--fair-select', '--control'], /--control needs --mitigate/],
    [['--mitigate', 'reweight', '--control', '--activations', 'relu'], /--control.*--activations/],
    [['--mitigate', 'reweight', '--control', '--budget', '0.5,0.25'], /--control needs exactly one budget/],
    [['--mitigate', 'fairly'], /primal-dual, reweight, balanced/],
  ])('%j is refused before the work', async (options, says) => {
    const { code, stderr } = await cli([...args, ...options, '--out', out('none.onnx')]);
    expect([code, stderr]).toEqual([2, expect.stringMatching(says)]);
  });
});

test('groups that are too small for a gap: the sentence says so and has no figure that is not one', () => {
  const change = {
    cost: 0.01,
    costInterval: [0, 0.02],
    gapChange: NaN,
    gapChangeInterval: [NaN, NaN],
  } as const;
  const text = describePrice({ ...change, models: [], confidence: 0.95 });
  expect(text).toContain(
    'mitigation changes the overall accuracy by -1.0 points (-2.0 to 0.0); no gap is told, because fewer than two groups are large enough.',
  );
  expect(text).not.toMatch(/NaN/);
  const known = { ...change, gapChange: -0.1, gapChangeInterval: [-0.2, 0.1] } as const;
  expect(describePrice({ ...known, models: [], confidence: 0.95 })).toContain(
    'changes the gap between the best and the worst group by -10.0 points (-20.0 to +10.0) and the overall accuracy by -1.0 points',
  );
});
