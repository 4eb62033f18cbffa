import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { parseBudget } from '../../../../../pipelines/cost/budget.ts';
import { seriesName } from '../../../../../pipelines/pareto/series.ts';
import type { Run } from '../../../../../pipelines/pareto/run.ts';
import { sha256Hex } from '../../../../../src/cli/commands/pareto/run-job.ts';
import { bitsFlags } from '../../../../../src/cli/output/bits-words.ts';
import { cli, cliJson } from '../../../../helpers/processes/cli.ts';
import { sweepFolder } from './sweep-folder.ts';

const { folder, out, sweepArgs, runs } = await sweepFolder();

/** The runs of the sweep by their series. */
function bySeries(): Record<string, Run> {
  return Object.fromEntries(runs().map((run) => [seriesName(run.spec), run]));
}

/** The bytes of one answer that a plan is predicted to take. */
function bytesOf({ costs }: Run): number {
  const { offline, online } = costs.find(({ source }) => source === 'predicted')!;
  return [offline, online].reduce((sum, { bytes_up, bytes_down }) => sum + bytes_up + bytes_down, 0);
}

/** The words of a run's commands, without the program's name. */
function commandsOf({ result }: Run): string[][] {
  return result!.command.split(' && ').map((part) => part.split(' ').slice(1));
}

/** The hash of the plan that the options of a run's `evaluate` give its network. */
async function evaluatedPlan(run: Run): Promise<string> {
  const words = commandsOf(run)
    .at(-1)!
    .filter((word) => word !== '--private');
  return (await cliJson<{ hash: string }>(['plan', ...words.slice(1)])).hash;
}

describe('a sweep with an agreement, in the folder of one without', () => {
  let told: string;
  beforeAll(async () => {
    const methods = 'deepreduce,deepreduce+circa';
    expect((await cli(sweepArgs(methods, '0.5', '--no-measure'))).code).toBe(0);
    const { code, stdout } = await cli(sweepArgs(methods, '0.5', '--agreement', '0.8'));
    expect(code).toBe(0);
    told = stdout;
  });

  test.each(['original', 'deepreduce', 'deepreduce+circa'])(
    'gives the same network of %s fewer bits, and an answer fewer bytes',
    (series) => {
      const all = bySeries();
      const [usual, fewer] = [all[series]!, all[series.replace(/(\+circa)?$/, '+agreement=0.8$1')]!];
      expect([usual.result!.bits, fewer.spec.agreement]).toEqual([null, 0.8]);
      const { activationBits, leftOut } = fewer.result!.bits!;
      // Where windows are searched, sign tests are left to that.
      if (series.endsWith('circa')) expect([leftOut, activationBits < 8]).toEqual([undefined, true]);
      else expect(Object.values(leftOut!).some((bits) => bits > 0)).toBe(true);
      expect(fewer.result!.onnxHash).toBe(usual.result!.onnxHash);
      expect(fewer.result!.planHash).not.toBe(usual.result!.planHash);
      expect(bytesOf(fewer)).toBeLessThan(bytesOf(usual));
    },
  );

  test('has measured the plans that it predicted', () => {
    const measured = Object.values(bySeries()).filter(({ costs }) =>
      costs.some(({ source }) => source === 'measured'),
    );
    expect(measured.some(({ spec }) => spec.agreement === 0.8)).toBe(true);
    for (const { costs } of measured) {
      const [real, predicted] = (['measured', 'predicted'] as const).map((wanted) =>
        costs.find(({ source, profile }) => source === wanted && profile === 'loopback')!,
      );
      expect([real!.online, real!.rounds]).toEqual([predicted!.online, predicted!.rounds]);
    }
  });

  test('records commands whose options give the same plans', async () => {
    const chosen = Object.values(bySeries()).filter(({ spec }) => spec.agreement !== null);
    expect(chosen).toHaveLength(3);
    for (const run of chosen) {
      expect(run.result!.command).toContain(` --private ${bitsFlags(run.result!.bits!)}`);
      expect(run.result!.command).not.toContain('--agreement');
      expect(await evaluatedPlan(run)).toBe(run.result!.planHash);
    }
  });

  test('says so at once, in the table, JSON, CSV and the report', async () => {
    expect(told).toMatch(
      /^deepreduce\+agreement=0\.8 0\.5 seed 1: 2,352 ReLUs, .*, bits \d+ and \d+, sign tests leave out \d+( to \d+)? more; /m,
    );
    const show = ['pareto', 'show', out, '--profile', 'lan'];
    expect((await cli(show)).stdout).toMatch(
      /^ original\+agreement=0\.8 .*\n(.*\n)* deepreduce\+agreement=0\.8 /m,
    );
    type Shown = { method: string; agreement: number | null; runs: { bits: object | null }[] };
    const { points } = await cliJson<{ points: Shown[] }>(show);
    const { activationBits, weightBits, leftOut } = bySeries()['deepreduce+agreement=0.8']!.result!.bits!;
    const left_out = Object.entries(leftOut!).map(([layer, bits]) => ({ layer, bits }));
    const bits = { activation_bits: activationBits, weight_bits: weightBits, left_out };
    const pointOf = (name: string) => points.find(({ method }) => method === name);
    expect(pointOf('deepreduce+agreement=0.8')).toMatchObject({ agreement: 0.8, runs: [{ bits }] });
    expect(pointOf('deepreduce')).toMatchObject({ agreement: null, runs: [{ bits: null }] });
    expect((await cli([...show, '--csv'])).stdout).toContain(',activation_bits,weight_bits,left_out');
    const page = await readFile(join(out, 'report.html'), 'utf8');
    expect(page).toContain(`Activations have ${activationBits} bits and weights ${weightBits}.`);
    expect(page).toContain(`Sign tests leave out ${left_out[0]!.bits} more bits in ${left_out[0]!.layer}`);
  });
});

test("a hybrid's budget in bytes is met with the bits, and its command makes the network again", async () => {
  const budget = `${(bytesOf(bySeries()['original+agreement=0.8']!) * 0.9) / 1e6}MB@loopback:total`;
  const searching = ['--search-epochs', '1', '--agreement', '0.8', '--no-measure'];
  expect((await cli(sweepArgs('hybrid', budget, ...searching))).code).toBe(0);
  const run = bySeries()['hybrid+agreement=0.8']!;
  expect(bytesOf(run)).toBeLessThanOrEqual((parseBudget(budget) as { limit: number }).limit);
  expect(await evaluatedPlan(run)).toBe(run.result!.planHash);
  const [reduce] = commandsOf(run);
  expect(reduce!.join(' ')).toContain('--agreement 0.8 --data');
  const file = join(folder, 'again.onnx');
  expect((await cli([...reduce!.slice(0, -1), file])).code).toBe(0);
  expect(sha256Hex(readFileSync(file))).toBe(run.result!.onnxHash);
});

test.each([
  [['--agreement', '1'], 'deepreduce', /Expected a share from 0\.5 to 0\.9999/],
  [['--agreement', '0.4'], 'deepreduce', /Expected a share from 0\.5 to 0\.9999/],
  [[], 'deepreduce+agreement=1', /expected \+agreement=0\.99, or another number from 0\.5 to 0\.9999/],
])('%j of %s is out of range', async (more, methods, says) => {
  const { code, stderr } = await cli(sweepArgs(methods, '0.5', ...more));
  expect(stderr).toMatch(says);
  expect(code).toBe(2);
});
