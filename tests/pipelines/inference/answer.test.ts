import { expect, test } from 'vitest';
import { predictCost } from '../../../pipelines/cost/bytes.ts';
import { answerBytes, clientAnswer, serverAnswer } from '../../../pipelines/inference/answer.ts';
import { answerBits } from '../../../pipelines/plan/answer.ts';
import { parsePlan, serialisePlan } from '../../../pipelines/plan/codec.ts';
import { planVersion } from '../../../pipelines/plan/plan.ts';
import type { Plan } from '../../../pipelines/plan/plan.ts';
import { unpackFields } from '../../../crypto/bits.ts';
import { ProtocolError } from '../../../src/shared/errors.ts';
import { randomWords } from '../../../src/shared/random.ts';
import { dealtOt } from '../../helpers/protocol/dealt-ot.ts';
import { idealInference } from '../../helpers/protocol/ideal-session.ts';
import { tinyImage, tinyPlan, tinyWeights } from '../../helpers/networks/networks.ts';
import { seededRng } from '../../helpers/rng.ts';

/** Logits without a network: the input is the output. */
const planOf = (bits: number, logits = 5): Plan => ({
  version: planVersion,
  name: 'logits',
  input: { wire: 0 },
  output: { answer: 'logits', wire: 0 },
  wires: [{ shape: [logits], scale: 4, bits }],
  steps: [],
});

const edges = (bits: number) => Int32Array.of(0, 1, -1, 2 ** bits - 1, -(2 ** bits));

test.each([1, 7, 15])('logits of %i bits open to themselves, whatever the shares', (bits) => {
  const plan = planOf(bits);
  const logits = edges(bits);
  const mine = randomWords(seededRng(bits), logits.length);
  const theirs = mine.map((word, i) => logits[i]! - word);
  const message = serverAnswer(plan, theirs);
  expect(message.byteLength).toBe(answerBytes(plan));
  expect(message.byteLength).toBe(Math.ceil((5 * (bits + 1)) / 8));
  expect(clientAnswer(plan, mine, message).logits).toEqual(Float32Array.from(logits, (value) => value / 4));
});

test.each([16, 20, 29, 30])(
  'logits of %i bits are opened with 16, each within half a unit of them',
  (bits) => {
    const plan = planOf(bits);
    const count = 4000;
    const wide = { ...plan, wires: [{ shape: [count], scale: 1, bits }] };
    const logits = new Int32Array(randomWords(seededRng(bits), count).buffer).map(
      (word) => word >> (31 - bits),
    );
    logits.set(edges(bits));
    const mine = randomWords(seededRng(-bits), count);
    const message = serverAnswer(
      wide,
      mine.map((word, i) => logits[i]! - word),
    );
    expect(message.byteLength).toBe(2 * count);
    const opened = clientAnswer(wide, mine, message).logits!;
    const unit = 2 ** (bits - 15);
    const signed = 2 ** (bits + 1);
    const errors = Array.from(opened, (value, i) => {
      const error = value - logits[i]!;
      // What is opened of a logit at an end of the range may lie at the other one.
      return Math.abs(error) > signed / 2 ? error - Math.sign(error) * signed : error;
    });
    // Float32 keeps 24 of the bits.
    const float = 2 ** (bits - 24);
    expect(Math.max(...errors.map(Math.abs))).toBeLessThanOrEqual(unit / 2 + float);
    const mean = errors.reduce((sum, error) => sum + error, 0) / count;
    // Half of 2^k is half a unit of the ring above the mean of 0 to 2^k - 1.
    expect(Math.abs(mean - 1 / 2)).toBeLessThan((6 * unit) / Math.sqrt(12 * count) + float);
  },
);

test('a bit of S’s share above bit B, or below the highest 16, changes no byte of its message; others do', () => {
  for (const bits of [0, 7, 20, 29]) {
    const plan = planOf(bits);
    const share = randomWords(seededRng(bits), 5);
    const message = serverAnswer(plan, share);
    for (let bit = 0; bit < 32; bit++) {
      const changed = serverAnswer(
        plan,
        share.map((word) => word ^ (1 << bit)),
      );
      expect(
        changed.every((byte, i) => byte === message[i]!),
        `bit ${bit} of ${bits}`,
      ).toBe(bit > bits || bit < bits - 15);
    }
  }
});

test('the last frame of an inference is 16 bits of S’s share below bit B + 1 and nothing else', async () => {
  const rng = { client: seededRng('client'), server: seededRng('server') };
  const tiny = { plan: tinyPlan, weights: tinyWeights() };
  const { answer, wires } = await idealInference(tiny, tinyImage(), await dealtOt(seededRng('ot')), rng);
  const share = wires.server.get(tinyPlan.output.wire)!;
  expect(answerBits(tinyPlan)).toBe(3 * 16);
  expect(share.some((word) => word >= 2 ** 26)).toBe(true);
  expect(answer.byteLength).toBe(2 * 3);
  expect(unpackFields(answer, 3, 16, 'answer')).toEqual(share.map((word) => (word >>> 10) % 2 ** 16));
  const ends = predictCost(tinyPlan).online.bytes_down;
  const narrower = tinyPlan.wires.with(tinyPlan.output.wire, { shape: [3], scale: 512, bits: 7 });
  expect(predictCost({ ...tinyPlan, wires: narrower }).online.bytes_down - ends).toBe(3 - 6);
});

test('another length, and bits after the last logit, are refused', () => {
  const plan = planOf(7, 3);
  const share = new Uint32Array(3);
  for (const length of [0, 2, 4, 12])
    expect(() => clientAnswer(plan, share, new Uint8Array(length))).toThrow(ProtocolError);
  expect(() => clientAnswer(planOf(6, 3), share, Uint8Array.of(0, 0, 0x20))).toThrow(ProtocolError);
  expect(() => clientAnswer(planOf(6, 3), share, Uint8Array.of(0, 0, 0x1f))).not.toThrow();
});

test('a plan whose logits do not fit a message is refused', () => {
  expect(parsePlan(serialisePlan(planOf(30)))).toEqual(planOf(30));
  expect(() => parsePlan(serialisePlan(planOf(31)))).toThrow('output');
});
