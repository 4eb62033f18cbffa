import { expect, test } from 'vitest';
import { argmax } from '../../models/tensor.ts';
import { answerBytes, clientAnswer, serverAnswer } from '../../pipelines/inference/answer.ts';
import { answerBits } from '../../pipelines/plan/answer.ts';
import { ProtocolError } from '../../src/shared/errors.ts';
import { randomWords } from '../../src/shared/random.ts';
import { dealtOt } from '../helpers/protocol/dealt-ot.ts';
import { idealInference } from '../helpers/protocol/ideal-session.ts';
import { labelPlan } from '../helpers/protocol/label-plan.ts';
import { seededRng } from '../helpers/rng.ts';
import { sixSigma, uniformityZ } from '../helpers/statistics.ts';

/** Both halves of the protocol on logits that are the image. */
const ot = await dealtOt(seededRng('ot'));
let runs = 0;

async function answerTo(logits: readonly number[], bits = 20) {
  const plan = labelPlan(logits.length, bits);
  const rng = { client: seededRng(`client ${++runs}`), server: seededRng(`server ${runs}`) };
  const found = await idealInference({ plan, weights: new Map() }, Float32Array.from(logits), ot, rng);
  return { plan, ...found };
}

test.each([2, 3, 10, 32, 40, 100])(
  '%i logits, shared: the client gets the label and no logits',
  async (classes) => {
    const words = new Int32Array(randomWords(seededRng(classes), classes).buffer).map((word) => word >> 12);
    for (const logits of [words, words.map((word) => word >> 18), new Int32Array(classes)]) {
      const { client, plan, answer } = await answerTo([...logits]);
      expect(client.answer).toEqual({ label: client.answer.label, logits: undefined });
      const behind = Math.max(...logits) - logits[client.answer.label]!;
      if (classes <= 32) expect(client.answer.label).toBe(argmax(logits));
      else expect(behind).toBeLessThan(4 * 2 ** 2);
      expect(answer.byteLength).toBe(Math.ceil(answerBits(plan) / 8));
    }
  },
);

/** C knows its share of the output before there is an image. */
test('S’s last frame is uniform, and with C’s share it tells the label, whatever the logits', async () => {
  const images = [
    [1, 9, -3, 4, 0],
    [-100_000, 1, -99_999, 0, -1],
    [7, 7, 8, 0, 3],
  ];
  for (const image of images) {
    const counts = new Uint32Array(8);
    for (let run = 0; run < 160; run++) {
      const { plan, answer, wires } = await answerTo(image);
      expect(answer.byteLength).toBe(1);
      counts[answer[0]!]!++;
      const opened = (answer[0]! + wires.client.get(plan.output.wire)![0]!) % 8;
      expect(opened).toBe(4 - argmax(image));
    }
    expect(uniformityZ(counts)).toBeLessThan(sixSigma);
  }
});

test('planted: where masks come again, the last frame tells more', async () => {
  const plan = labelPlan(3, 8);
  const counts = new Uint32Array(4);
  for (let run = 0; run < 80; run++) {
    const rng = { client: seededRng('stuck'), server: seededRng(`server ${run}`) };
    const image = Float32Array.of(1, 2, -3);
    const { answer } = await idealInference({ plan, weights: new Map() }, image, ot, rng);
    counts[answer[0]!]!++;
  }
  expect(uniformityZ(counts)).toBeGreaterThan(sixSigma);
});

test('a bit of S’s share above those of the index changes no byte', () => {
  for (const [classes, bits] of [
    [2, 1],
    [3, 2],
    [10, 4],
    [100, 7],
    [1000, 10],
  ] as const) {
    const plan = labelPlan(classes, 16);
    expect(answerBits(plan)).toBe(bits);
    const share = Uint32Array.of(0x89abcdef);
    const message = serverAnswer(plan, share);
    expect(message.byteLength).toBe(answerBytes(plan));
    for (let bit = 0; bit < 32; bit++) {
      const changed = serverAnswer(
        plan,
        share.map((word) => word ^ (1 << bit)),
      );
      expect(changed.every((byte, i) => byte === message[i])).toBe(bit >= bits);
    }
  }
});

test('an answer of no class, another length and bits too many are refused', () => {
  const plan = labelPlan(10, 16);
  const own = Uint32Array.of(0);
  const told = Array.from({ length: 16 }, (_, i) => () => clientAnswer(plan, own, Uint8Array.of(i)).label);
  told.slice(0, 10).forEach((label, i) => expect(label()).toBe(9 - i));
  told.slice(10).forEach((label) => expect(label).toThrow(ProtocolError));
  for (const bytes of [[], [0, 0], [16], [0x80]])
    expect(() => clientAnswer(plan, own, Uint8Array.from(bytes))).toThrow(ProtocolError);
});
