import { describe, expect, test } from 'vitest';
import { stagesOf } from '../../../../models/analysis/inspect.ts';
import { parseStages, stagesBy } from '../../../../pipelines/reduce/deepreduce/stages.ts';
import { tinyResnet } from '../../../helpers/networks/networks.ts';

const model = tinyResnet(); // stem.relu, stage1.block0.relu1 and relu2, stage2.block0.relu1 and relu2

describe('--stages', () => {
  test('names nodes or globs, in any order', () => {
    const specs = parseStages('late = stage2.*; early=stem.relu,stage1.block?.relu*');
    expect(stagesBy(model, specs)).toEqual([
      {
        name: 'early',
        resolution: [8, 8],
        nodes: ['stem.relu', 'stage1.block0.relu1', 'stage1.block0.relu2'],
        relus: 768,
      },
      { name: 'late', resolution: [4, 4], nodes: ['stage2.block0.relu1', 'stage2.block0.relu2'], relus: 192 },
    ]);
  });
  test('left out, they follow the resolution', () => {
    expect(stagesBy(model)).toEqual(stagesOf(model));
  });
  test.each([
    ['', /--stages: expected at least one stage/],
    ['S1', /--stages: expected NAME=NODE,NODE.*got 'S1'/],
    ['=a', /--stages: expected NAME=NODE/],
    ['S1=', /--stages: expected NAME=NODE/],
  ])('%j has no form', (text, message) => {
    expect(() => parseStages(text)).toThrow(message);
  });
  test.each([
    [
      'S1=stem.*;S2=stage2.*',
      /--stages: expected every activation in one stage, but stage1\.block0\.relu1 is in none/,
    ],
    [
      'S1=*;S2=stage2.*',
      /--stages: expected every activation in one stage, but stage2\.block0\.relu1 is in S1 and S2/,
    ],
    ['S1=stage1.*;S1=stage2.*', /--stages: two stages are called S1/],
    ['S1=*;S2=stage3.*', /--stages: no activation is called stage3\.\*; there are stem\.relu, stage1/],
    ['S1=*.relu;S2=stage1xblock0*', /--stages: no activation is called stage1xblock0\*/],
    ['S1=stemXrelu;S2=stage*', /--stages: no activation is called stemXrelu/],
  ])('%j does not fit the network', (text, message) => {
    expect(() => stagesBy(model, parseStages(text))).toThrow(message);
  });
});
