import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cli, cliJson } from '../../../helpers/processes/cli.ts';
import { writeTiny } from '../../../helpers/networks/networks.ts';

type Plan = {
  hash: string;
  agreement: { images: number; agree: number; at_least: number };
  chosen_bits: {
    bits: { activation_bits: number; weight_bits: number; left_out: { layer: string; bits: number }[] };
  } | null;
};

let folder: string;
let plan: string[];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reluctant-agreement-'));
  plan = ['plan', await writeTiny(folder), '--data', 'fashion-mnist-part'];
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('the plan of --agreement is that of the bits that it names, and says what the images show', async () => {
  const chosen = await cliJson<Plan>([...plan, '--agreement', '0.9']);
  const { activation_bits, weight_bits, left_out } = chosen.chosen_bits!.bits;
  const layers = left_out.map(({ layer, bits }) => `${layer}=${bits}`).join(',');
  const numbers = ['--activation-bits', String(activation_bits), '--weight-bits', String(weight_bits)];
  const named = [...numbers, '--left-out', layers];
  const { stdout } = await cli([...plan, '--agreement', '0.9']);
  expect(stdout).toMatch(new RegExp(`^chosen bits +${named.join(' ')}, .* labels are the model's`, 'm'));
  const same = await cliJson<Plan>([...plan, ...named]);
  expect(same).toMatchObject({ hash: chosen.hash, chosen_bits: null });
  const { agree, images, at_least } = chosen.agreement;
  expect(at_least).toBeLessThan(agree / images);
  expect(at_least).toBeGreaterThan(agree / images - 0.1);
});

test.each([
  [['--agreement', '0.99', '--weight-bits', '8'], /--agreement chooses bits/],
  [['--agreement', '0.99', '--left-out', 'stem.relu=2'], /--agreement chooses bits/],
  [['--left-out', 'stem.relu'], /Expected layers and bits from 0 to 16/],
  [['--left-out', 'stem.relu=2,other=17'], /Expected layers and bits from 0 to 16/],
  [['--agreement', '1'], /Expected a share from 0.5 to 0.9999/],
  [['--precision', '10', '--activation-bits', '8'], /--precision sets one scale for all/],
])('%j is refused', async (flags, says) => {
  const { code, stderr } = await cli([...plan, ...flags]);
  expect(stderr).toMatch(says);
  expect(code).toBe(2);
});
