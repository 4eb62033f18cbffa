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
import { dealtOt } from '../../helpers/dealt-ot.ts';
import { idealInference } from '../../helpers/ideal-session.ts';
import { tinyImage, tinyPlan, tinyWeights } from '../../helpers/networks.ts';
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

test.each([1, 7, 15, 29, 30])('logits of %i bits open to themselves, whatever the shares', (bits) => {
  const plan = planOf(bits);
  const logits = edges(bits);
  const mine = randomWords(seededRng(bits), logits.length);
  const theirs = mine.map((word, i) => logits[i]! - word);
  const message = serverAnswer(plan, theirs);
  expect(message.byteLength).toBe(answerBytes(plan));
  expect(message.byteLength).toBe(Math.ceil((5 * (bits + 1)) / 8));
  expect(clientAnswer(plan, mine, message).logits).toEqual(Float32Array.from(logits, (value) => value / 4));
});

test('a bit of S’s share above bit B changes no byte of its message; bit B does', () => {
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
      ).toBe(bit > bits);
    }
  }
});

test('the last frame of an inference is the low bits of S’s share and nothing else', async () => {
  const rng = { client: seededRng('client'), server: seededRng('server') };
  const tiny = { plan: tinyPlan, weights: tinyWeights() };
  const { answer, wires } = await idealInference(tiny, tinyImage(), await dealtOt(seededRng('ot')), rng);
  const share = wires.server.get(tinyPlan.output.wire)!;
  expect(answerBits(tinyPlan)).toBe(3 * 26);
  expect(share.some((word) => word >= 2 ** 26)).toBe(true);
  expect(answer.byteLength).toBe(Math.ceil((3 * 26) / 8));
  expect(unpackFields(answer, 3, 26, 'answer')).toEqual(share.map((word) => word % 2 ** 26));
  const ends = predictCost(tinyPlan).online.bytes_down;
  const wider = tinyPlan.wires.with(tinyPlan.output.wire, { shape: [3], scale: 512, bits: 29 });
  expect(predictCost({ ...tinyPlan, wires: wider }).online.bytes_down - ends).toBe(12 - 10);
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
