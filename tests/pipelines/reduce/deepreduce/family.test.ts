import { describe, expect, test } from 'vitest';
import { verifyModel } from '../../../../models/analysis/shapes.ts';
import { countRelus } from '../../../../models/analysis/inspect.ts';
import { vgg } from '../../../../models/architectures/vgg.ts';
import { deepreduceFamily, memberName, movesOf } from '../../../../pipelines/reduce/deepreduce/family.ts';
import type { FamilyMember } from '../../../../pipelines/reduce/deepreduce/family.ts';
import { tinyDataset } from '../../../helpers/data/data.ts';
import { tinyResnet } from '../../../helpers/networks/networks.ts';
import { seededRng } from '../../../helpers/rng.ts';

const data = { train: tinyDataset(64, 'train'), validation: tinyDataset(30, 'validation') };
const options = { ...data, epochs: 1, batch: 32, seed: 1, threads: 1 };

async function all(members: AsyncIterable<FamilyMember>): Promise<FamilyMember[]> {
  const found: FamilyMember[] = [];
  for await (const member of members) found.push(member);
  return found;
}

test('every combination of the three moves, with the counts that follow from them', async () => {
  const family = await all(deepreduceFamily(tinyResnet(), options));
  // S1: 3 layers of 4 x 64, one thinned; S2: 2 layers of 6 x 16, one thinned; alpha halves, rho quarters
  const kept = { S1: [768, 512], S2: [192, 96] };
  expect(family.length).toBe(2 * 2 * 2 * 2 - 1);
  for (const member of family) {
    const { culled, thinned, alpha, rho } = member.moves;
    if (!('reduction' in member)) throw new Error(member.refused);
    const { model, relusAfter, log } = member.reduction;
    const left = (['S1', 'S2'] as const).filter((name) => !culled.includes(name));
    const relus = left.reduce((sum, name) => sum + kept[name][thinned ? 1 : 0]!, 0) * alpha * rho ** 2;
    expect([member.name, relusAfter]).toEqual([member.name, relus]);
    verifyModel(model);
    expect(countRelus(model)).toBe(relusAfter);
    for (const entry of log) {
      const { relus_before, relus_after, identity, poly, gone = 0 } = entry;
      expect(relus_after + identity + poly + gone).toBe(relus_before);
    }
    const words = log.map(({ reason }) => reason.split(': ')[1]);
    expect(words.includes('culled')).toBe(culled.length > 0);
    expect(words.some((word) => word!.startsWith('thinned'))).toBe(thinned);
  }
});

test('those that are there already are not made again', async () => {
  const asked: string[] = [];
  const isMade = (name: string) => {
    asked.push(name);
    return Promise.resolve(!name.endsWith('thinned'));
  };
  const family = await all(deepreduceFamily(tinyResnet(), { ...options, alphas: [1], rhos: [1], isMade }));
  expect(asked.length).toBe(3);
  expect(family.map(({ name }) => name).filter((name) => !name.endsWith('thinned'))).toEqual([]);
  expect(family.length).toBe(2);
});

test('a network that maps of half the size do not fit says why', async () => {
  const net = { name: 'v', inChannels: 2, size: 8, classes: 3, stages: [[2], [2], [2]], hidden: [] };
  const model = vgg({ ...net, batchNorm: true, pool: 'average' }, seededRng('v'));
  const made = await all(deepreduceFamily(model, { ...options, alphas: [1], rhos: [0.25] }));
  const refusals = made.map((member) => ('refused' in member ? member.refused : ''));
  expect(refusals[0]).toMatch(/rho 0\.25: maps of 1\/4 .* do not fit: node stage2\.pool/);
});

describe('names', () => {
  const ranked = ['S3', 'a b'].map((name) => ({
    stage: { name, resolution: [1, 1], nodes: [name], relus: 5 },
    accuracy: 0,
    criticality: 0,
  }));
  test('say the moves, fit for a file; the original is not among them', () => {
    const names = movesOf(ranked, { alphas: [1, 0.25], rhos: [1] }).map(memberName);
    expect(names).toEqual([
      'alpha0.25',
      'thinned',
      'thinned_alpha0.25',
      'culled-S3',
      'culled-S3_alpha0.25',
      'culled-S3_thinned',
      'culled-S3_thinned_alpha0.25',
    ]);
    expect(memberName({ culled: ['a b'], thinned: false, alpha: 1, rho: 0.5 })).toBe('culled-a-b_rho0.5');
  });
  test('a network without ReLUs has no family', () => {
    expect(() => movesOf([], {})).toThrow(/the network has no ReLUs/);
  });
});
