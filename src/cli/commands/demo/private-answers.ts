import { pixels } from '../../../../models/data/dataset.ts';
import type { Dataset } from '../../../../models/data/dataset.ts';
import { argmax } from '../../../../models/tensor.ts';
import type { Model } from '../../../../models/graph.ts';
import { predict } from '../../../../models/runtime/run.ts';
import { answerBits } from '../../../../pipelines/plan/answer.ts';
import type { AnswerKind } from '../../../../pipelines/plan/plan.ts';
import { connect } from '../../../client.ts';
import type { InferenceResult } from '../../../client.ts';
import type { PrivateImage } from '../../../web/demo/report.ts';
import { phaseTotals } from '../../output/phase.ts';
import { serverProcess } from './server-process.ts';

export type AnswerOptions = {
  readonly file: string;
  readonly model: Model;
  readonly data: string;
  readonly dataset: Dataset;
  readonly indices: readonly number[];
  readonly signal: AbortSignal;
  /** What the server tells. */
  readonly answer: AnswerKind;
  readonly onAnswer: (image: PrivateImage) => void;
};

/** Asks a server process about each image, and compares its answers with the network's in the clear. */
export async function privateAnswers(
  options: AnswerOptions,
): Promise<{ images: PrivateImage[]; logitSpread: number; answerBits: number }> {
  const { file, model, data, dataset, indices, signal, answer, onAnswer } = options;
  const server = await serverProcess(file, data, answer, signal);
  try {
    const session = await connect(server.url, { planHash: server.planHash });
    const images: PrivateImage[] = [];
    let spreads = 0;
    for (const index of indices) {
      const floats = pixels(dataset, [index]);
      const clear = await predict(model, floats, 1);
      const image = compare(dataset, index, await session.infer(floats), clear);
      spreads += Math.max(...clear) - Math.min(...clear);
      images.push(image);
      onAnswer(image);
    }
    await session.close();
    return { images, logitSpread: spreads / indices.length, answerBits: answerBits(session.plan) };
  } finally {
    await server.stop();
  }
}

function compare(dataset: Dataset, index: number, found: InferenceResult, clear: Float32Array): PrivateImage {
  return {
    index,
    label: dataset.classes[dataset.labels[index]!]!,
    private: dataset.classes[found.label]!,
    plaintext: dataset.classes[argmax(clear)]!,
    maxDifference: found.logits === undefined ? null : largestDifference(found.logits, clear),
    offline: phaseTotals(found.offline),
    online: { ...phaseTotals(found.online), rounds: found.online.rounds },
  };
}

function largestDifference(a: Float32Array, b: Float32Array): number {
  return Math.max(...a.map((value, i) => Math.abs(value - b[i]!)));
}
