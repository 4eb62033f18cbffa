import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadModel } from '../../../../models/files/read.ts';
import { saveModel } from '../../../../models/files/write.ts';
import { remembering } from '../../../../models/train/train-architecture.ts';
import { cardMarkdown } from '../../../../src/cli/commands/fairness/card/markdown.ts';
import { cardSchema } from '../../../../src/cli/commands/fairness/card/schema.ts';
import type { Card } from '../../../../src/cli/commands/fairness/card/schema.ts';
import { cli } from '../../../helpers/processes/cli.ts';
import { writeUntrained } from '../../../helpers/networks/networks.ts';

let folder: string;
let files: string[];
let card: Card;
let plan: string;
const data = { name: 'faces', hash: 'b'.repeat(64), images: 240, heldOut: 1 / 12 };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reluctant-card-'));
  files = await Promise.all([writeUntrained(folder, 1), writeUntrained(folder, 2)]);
  const mitigation = { scheme: 'primal-dual', groups: 'shift' };
  const step = { step: 'reduce', data, method: 'snl', relus: 56_448, mitigation } as const;
  await saveModel(files[1]!, remembering(await loadModel(files[1]!), step));
  const out = join(folder, 'card.json');
  const images = ['--data', 'fashion-mnist-part+shifted=0.3'];
  const options = ['--groups', 'shift,label', '--positive', 'Bag', '--limit', '330', '--resamples', '100'];
  const { code, stdout } = await cli(['fairness', ...files, ...images, ...options, '--card', out]);
  expect([code, stdout]).toEqual([0, expect.stringContaining(`The model card is ${out}.`)]);
  card = cardSchema.parse(JSON.parse(await readFile(out, 'utf8')));
  const planned = await cli(['plan', files[1]!, ...images, '--json']);
  plan = (JSON.parse(planned.stdout) as { hash: string }).hash;
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe('the JSON form', () => {
  test('names networks by the hashes of their files and of the plan that is served, and what they remember', async () => {
    const sha = async (file: string) =>
      createHash('sha256')
        .update(await readFile(file))
        .digest('hex');
    const [original, reduced] = card.models;
    expect(original).toMatchObject({ role: 'original', history: null, drop: 0 });
    expect(original!.files).toEqual([{ file: 'untrained-1.onnx', sha256: await sha(files[0]!) }]);
    expect(reduced!.plan).toMatchObject({ hash: plan, images: 256 });
    expect(reduced!.history).toMatchObject([
      { method: 'snl', mitigation: { scheme: 'primal-dual', groups: 'shift' } },
    ]);
    expect(card.protocol).toBe(3);
    expect(JSON.stringify(card)).not.toContain(folder);
  });

  test('has every group of every partition, marked where it is in no gap', () => {
    expect(card.data).toMatchObject({ images: 330, split: 'test', name: 'fashion-mnist-part+shifted=0.3' });
    expect(card.partitions.map(({ by }) => by)).toEqual([['shift'], ['label'], ['shift', 'label']]);
    for (const { groups } of card.partitions) {
      expect(groups.reduce((sum, { n }) => sum + n, 0)).toBe(330);
      for (const { n, in_gap } of groups) expect(in_gap).toBe(n >= card.method.min_group_in_gap);
    }
    const [byShift, byLabel] = card.partitions;
    // 330 images in ten classes: none of them has 93.
    expect(byShift!.class_rates).toMatchObject({ cells: [] });
    expect(byShift!.class_rates!.left_out.reduce((sum, { n }) => sum + n, 0)).toBe(330);
    expect(byLabel!.class_rates).toBeUndefined();
    expect(byShift!.gaps[1]!.worst_group).toMatch(/plain|shifted/);
    expect(byShift!.gaps[1]!.demographic_parity).not.toBeNull();
  });

  test('says what the figures do not say: small groups by name, tests, arithmetic', () => {
    const small = card.partitions[2]!.groups.find(({ in_gap }) => !in_gap)!;
    expect(card.limits.join(' ')).toContain(`${small.group} (${small.n})`);
    expect(card.limits.join(' ')).toMatch(/could hide in a group.*not tested.*floating point/s);
  });

  test('the schema refuses a field that it does not know, a rate above 1 and a missing hash', () => {
    const [original, ...others] = card.models;
    for (const wrong of [
      { ...card, more: 1 },
      { ...card, models: [{ ...original!, accuracy: 1.2 }, ...others] },
      { ...card, data: { ...card.data, hash: 'none' } },
    ])
      expect(cardSchema.safeParse(wrong).success).toBe(false);
  });
});

describe('the Markdown form', () => {
  test('says who, how much, with which network, plan and mitigation; tables are whole', () => {
    const text = cardMarkdown(card);
    expect(text).toMatch(/^# Model card: untrained-2\n/);
    for (const part of [plan, card.models[0]!.files[0]!.sha256, card.data.hash, 'protocol version 3'])
      expect(text).toContain(part);
    expect(text).toMatch(
      /reduced by snl to 56,448 ReLUs with faces .*8\.3 % held out\); mitigation primal-dual for groups by shift/,
    );
    expect(text).toMatch(/does not remember how it was trained/);
    const tables = text.split('\n\n').filter((block) => block.startsWith('|'));
    expect(tables.length).toBeGreaterThanOrEqual(7);
    for (const table of tables)
      expect(new Set(table.split('\n').map((line) => line.split('|').length)).size).toBe(1);
    expect(text).not.toMatch(/NaN|undefined|null/);
  });

  test('names of the data end no cell and begin no markup', () => {
    const [first, ...others] = card.partitions;
    const [group, ...rest] = first!.groups;
    const odd = { ...first!, groups: [{ ...group!, group: 'a|b <i>' }, ...rest] };
    expect(cardMarkdown({ ...card, partitions: [odd, ...others] })).toContain('| a\\|b \\<i\\> |');
  });
});

test('a file of another kind is refused before any work, and nothing is left', async () => {
  const out = join(folder, 'card.txt');
  const { code, stderr } = await cli(['fairness', ...files, '--data', 'fashion-mnist-part', '--card', out]);
  expect([code, stderr]).toEqual([2, expect.stringMatching(/--card .*card\.txt: expected .*\.json or \.md/)]);
  expect(existsSync(out)).toBe(false);
  expect(readdirSync(folder).sort()).toEqual(['card.json', 'untrained-1.onnx', 'untrained-2.onnx']);
});
