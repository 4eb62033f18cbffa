import { readdirSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cli, cliJson } from '../../../helpers/processes/cli.ts';
import { writeTiny, writeUntrained } from '../../../helpers/networks/networks.ts';

let folder: string;
let report: string;
let args: string[];

type Row = { model: string; p_value: number | null; verdict: string; cross_entropy: number; drop: number };
type Report = {
  groups: { group: string; n: number; models: Row[] }[];
  reading: string[];
  private: ({ model: string } & Omit<Report, 'private'>)[];
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reluctant-fairness-'));
  const [model, other] = await Promise.all([writeUntrained(folder, 1), writeUntrained(folder, 2)]);
  args = ['fairness', model, other, '--data', 'fashion-mnist-part', '--resamples', '100'];
  report = join(folder, 'report.json');
  const { code, stdout } = await cli([...args, '--limit', '700', '--json']);
  if (code === 0) await writeFile(report, stdout);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe('fairness', () => {
  test('the report: p-values, verdicts, sentences and a CSV of the same groups', async () => {
    const csv = join(folder, 'groups.csv');
    const options = ['--csv', csv, '--positive', 'Bag', '--limit', '700', '--min-group', '70'];
    const found = await cliJson<Report>([...args, ...options]);
    const small = found.groups.filter(({ n }) => n < 70);
    expect(small.length).toBeGreaterThan(0);
    for (const { n, models } of found.groups) {
      expect(models[0]).toMatchObject({ p_value: null, verdict: 'not tested' });
      expect(models[1]!.verdict === 'too small').toBe(n < 70);
    }
    expect(found.reading.join(' ')).toContain(`${small[0]!.group} (${small[0]!.n})`);
    const lines = (await readFile(csv, 'utf8')).trimEnd().split('\r\n');
    expect(lines).toHaveLength(1 + 2 * found.groups.length);
  });

  test('figures that cannot be written to a file are printed, and the error names the file', async () => {
    const pages = join(folder, 'pages');
    await mkdir(join(pages, 'report.json'), { recursive: true });
    const { code, stdout, stderr } = await cli([...args, '--limit', '60', '--report', pages, '--json']);
    expect(stderr).toMatch(/^reluctant: .*pages\/report\.json: it cannot be written \(EISDIR/m);
    expect((JSON.parse(stdout) as Report).groups.length).toBeGreaterThan(5);
    expect(code).toBe(1);
  });

  test('--groups of two columns: each, and their combinations, in tables, JSON and CSV; audit judges all', async () => {
    const csv = join(folder, 'marginals.csv');
    const shifted = [...args.slice(0, 4), 'fashion-mnist-part+shifted=0.3', ...args.slice(5)];
    const options = ['--groups', 'shift,label', '--limit', '400', '--max-width', '40pt', '--csv', csv];
    const { code, stdout } = await cli([...shifted, ...options]);
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(
        /Groups by shift\n.*Groups by label\n.*Groups by shift and label\n.*corrected by Holm/s,
      ),
    ]);
    expect(stdout).toMatch(/ \* .*\* fewer than 21 images, .* 40\.0 points \(--max-width\)/s);
    type Cell = { group: string; class: string; n: number };
    type WithClasses = Report & { class_rates?: { cells: Cell[]; left_out: Cell[] } };
    type Marginal = WithClasses & { grouped_by: string };
    type Marginals = WithClasses & { marginals: Marginal[]; gap: { min_group: number } };
    const found = await cliJson<Marginals>([...shifted, ...options]);
    expect(found.marginals.map(({ grouped_by }) => grouped_by)).toEqual(['shift', 'label']);
    expect(found.marginals.map(({ groups }) => groups.length)).toEqual([2, 10]);
    expect(found.groups.length).toBeGreaterThan(15);
    expect(found.gap.min_group).toBe(21);
    // Classes of the two shifts: those of the plain half are large enough.
    const [{ class_rates: byShift }, { class_rates: byLabel }] = found.marginals as [Marginal, Marginal];
    expect([byLabel, found.class_rates]).toEqual([undefined, undefined]);
    const cells = found.groups.map(({ group, n }) => `${group} ${n}`).sort();
    const told = [...byShift!.cells, ...byShift!.left_out];
    expect(told.map((cell) => `${cell.group}, ${cell.class} ${cell.n}`).sort()).toEqual(cells);
    expect(byShift!.cells.length).toBeGreaterThan(5);
    expect(byShift!.left_out.length).toBeGreaterThan(0);
    expect(stdout).toMatch(
      / true positives .*\nLeft out: \d+ classes of groups, with fewer than 21 images each/s,
    );
    const lines = (await readFile(csv, 'utf8')).trimEnd().split('\r\n');
    expect(lines).toHaveLength(1 + 2 * (2 + byShift!.cells.length + 10 + found.groups.length));
    expect(lines.at(-1)).toMatch(/^"shift, label",/);
    const file = join(folder, 'marginals.json');
    await writeFile(file, JSON.stringify(found));
    const audited = await cli(['audit', file, '--max-gap', '100pt']);
    const judged = [...found.marginals, found].flatMap(({ groups }) => groups).filter(({ n }) => n >= 21);
    expect(audited.stdout).toMatch(new RegExp(`passes: ${judged.length} groups`));
  });

  test('--private: three arithmetics of each model; truncated sign tests change the third only', async () => {
    const limited = [...args, '--limit', '8', '--groups', 'label', '--private', '--k', '24'];
    const found = await cliJson<Report>(limited);
    const losses = (row: number) =>
      found.private.flatMap(({ groups }) => groups.map((group) => group.models[row]!.cross_entropy));
    expect(found.private).toHaveLength(2);
    expect(found.private[0]!.groups[0]!.models.map(({ model }) => model)).toEqual([
      'floating point',
      'fixed point',
      'sign-test faults',
    ]);
    expect(losses(1)).not.toEqual(losses(0));
    losses(1).forEach((loss, i) => expect(Math.abs(loss - losses(0)[i]!)).toBeLessThan(0.05));
    expect(losses(2)).not.toEqual(losses(1));
  });

  test('--curvature: gradients, eigenvalues, the bound beside what was lost', async () => {
    type Curvature = { curvature: { groups: { n: number; models: object[] }[]; models: object[] } };
    const { curvature } = await cliJson<Curvature>([...args, '--limit', '2', '--curvature']);
    expect(curvature.groups.reduce((sum, { n }) => sum + n, 0)).toBe(2);
    const figures = { gradient_norm: expect.any(Number) as number, eigenvalue: expect.any(Number) as number };
    for (const { models } of curvature.groups) {
      expect(models[0]).toMatchObject({ ...figures, loss_growth: 0, bound: null });
      expect(models[1]).toMatchObject(figures);
    }
    expect(curvature.models).toEqual([
      {
        model: 'untrained-2',
        distance: expect.any(Number) as number,
        rank_correlation: expect.anything() as number,
      },
    ]);
  });

  test('--report: page, charts and figures; a pattern is one line with a name of its own', async () => {
    const [original, ...rest] = [args[1]!, ...args.slice(3)];
    const out = join(folder, 'who-pays');
    const line = `twice@1=${join(folder, 'untrained-*.onnx')}`;
    const options = ['--limit', '300', '--report', out, '--confidence', '0.8'];
    const { code, stdout } = await cli(['fairness', original, line, ...rest, ...options]);
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(/80 % interval.*The report with charts is .*who-pays.*report\.html/s),
    ]);
    expect(readdirSync(out).sort()).toEqual([
      'accuracy-twice.svg',
      'loss-twice.svg',
      'report.html',
      'report.json',
    ]);
    const found = JSON.parse(await readFile(join(out, 'report.json'), 'utf8')) as {
      models: { model: string; files: string[]; relus: number }[];
      overall: { networks: number; drop: number }[];
      bootstrap: { confidence: number };
    };
    expect(found.models[1]).toMatchObject({ model: 'twice@1', relus: 56_448 });
    expect(found.models[1]!.files.map((file) => basename(file))).toEqual([
      'untrained-1.onnx',
      'untrained-2.onnx',
    ]);
    expect(found.overall.map(({ networks }) => networks)).toEqual([1, 2]);
    expect(found.bootstrap.confidence).toBe(0.8);
    // The original is one of the two: the mean drop is half of the other's.
    const other = await cliJson<{ overall: { drop: number }[] }>([...args, '--limit', '300']);
    expect(found.overall[1]!.drop).toBeCloseTo(other.overall[1]!.drop / 2, 12);
  });

  test('patterns without files or of several budgets are refused', async () => {
    const tiny = await writeTiny(folder);
    const wrong = [
      [join(folder, 'nothing-*.onnx'), 3, /nothing-.*no model file/],
      [join(folder, '{tiny,untrained-1}.onnx'), 2, /ReLUs.*seed alone/],
    ] as const;
    for (const [pattern, exit, says] of wrong) {
      const { code, stderr } = await cli(['fairness', args[1]!, pattern, ...args.slice(3)]);
      expect([code, stderr]).toEqual([exit, expect.stringMatching(says)]);
    }
    await rm(tiny);
  });

  test('wrong columns, classes and bits are named', async () => {
    const wrong = [
      [['--groups', 'label,race'], /race.*label/],
      [['--positive', 'Hat'], /Hat.*Bag/],
      [['--k', '40'], /31/],
    ] as const;
    for (const [options, says] of wrong) {
      const { code, stderr } = await cli([...args, ...options]);
      expect(code).toBe(2);
      expect(stderr).toMatch(says);
    }
  });
});

describe('audit', () => {
  test('exits with 7 and the groups that fail, with 0 where none does', async () => {
    const strict = await cli(['audit', report, '--max-excess-drop', '0pt', '--min-group', '30', '--json']);
    expect(strict.code).toBe(7);
    expect(strict.stderr).toMatch(/^reluctant: audit: \d+ limits exceeded, in \d+ of 10 groups\n$/);
    const { failures } = JSON.parse(strict.stdout) as { failures: { group: string; value: number }[] };
    const { groups } = JSON.parse(await readFile(report, 'utf8')) as {
      groups: { group: string; models: { excess_drop: number }[] }[];
    };
    const losing = groups.filter(({ models }) => models[1]!.excess_drop > 0).map(({ group }) => group);
    expect(losing.length).toBeGreaterThan(0);
    expect(failures.map(({ group }) => group)).toEqual(losing);
    const wide = await cli([
      'audit',
      report,
      '--max-gap',
      '100pt',
      '--min-group',
      '30',
      '--max-excess-drop',
      '100 pt',
    ]);
    expect(wide).toMatchObject({ code: 0, stderr: '' });
    expect(wide.stdout).toMatch(/passes: 10 groups/);
  });

  test('nothing to judge is no pass', async () => {
    const { code, stdout, stderr } = await cli([
      'audit',
      report,
      '--max-gap',
      '100pt',
      '--min-group',
      '100000',
    ]);
    expect([code, stdout]).toEqual([7, expect.stringMatching(/not checked.*Bag/)]);
    expect(stderr).toMatch(/none can be checked/);
  });

  test.each([
    [[], 2, /--max-gap/],
    [['--max-gap', '2'], 2, /2pt/],
  ])('%j is refused', async (options, exit, says) => {
    const { code, stderr } = await cli(['audit', report, ...options]);
    expect(code).toBe(exit);
    expect(stderr).toMatch(says);
  });

  test('no report', async () => {
    const { code, stderr } = await cli(['audit', 'nowhere.json', '--max-gap', '2pt']);
    expect(code).toBe(4);
    expect(stderr).toMatch(/nowhere\.json/);
  });

  test('--help names the exit code', async () => {
    expect((await cli(['audit', '--help'])).stdout).toMatch(/7 +at least one group exceeds a limit/);
  });
});
