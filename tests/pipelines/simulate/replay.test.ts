import { expect, test } from 'vitest';
import { loadRing } from '../../../crypto/ring/kernels.ts';
import { prepare } from '../../../pipelines/compile/served-plan.ts';
import { encodeInput } from '../../../pipelines/inference/encoding.ts';
import { replay } from '../../../pipelines/simulate/replay.ts';
import { clientShares, simulateWires } from '../../../pipelines/simulate/simulate.ts';
import { seededRng } from '../../helpers/rng.ts';
import { randomImages } from '../../helpers/data/data.ts';
import { mixedNet } from '../../helpers/networks/networks.ts';

test('a fault shows at its own step: one unit is let pass after linear steps only', async () => {
  const model = mixedNet(seededRng(7));
  const images = randomImages(model, 4, seededRng('images'));
  const { plan, weights } = await prepare(model, { calibration: { images, n: 4 } });
  const image = images.subarray(0, images.length / 4);
  const ring = await loadRing();
  const shares = clientShares(plan, seededRng('shares'));
  const wires = simulateWires(ring, plan, weights, encodeInput(plan, image), shares);
  const checksAfter = (wire: number, change: number) => {
    const opened = new Map(wires);
    opened.set(wire, wires.get(wire)!.with(5, wires.get(wire)![5]! + change));
    return [...replay(ring, plan, weights, image, opened, shares)].filter(
      ([, { wrong, offByOne }]) => wrong + offByOne > 0,
    );
  };
  const last = (kind: string) => plan.steps.findLast((step) => step.kind === kind)!.output;
  expect(checksAfter(plan.input.wire, 0)).toEqual([]);
  const linear = plan.steps.find((step) => step.kind === 'linear')!.output;
  for (const change of [1, -1]) {
    expect(checksAfter(linear, change)[0]).toEqual([linear, { wrong: 0, offByOne: 1 }]);
  }
  expect(checksAfter(linear, 2)[0]).toEqual([linear, { wrong: 1, offByOne: 0 }]);
  for (const wire of [plan.input.wire, last('activation')]) {
    expect(checksAfter(wire, 1)[0]).toEqual([wire, { wrong: 1, offByOne: 0 }]);
  }
});
