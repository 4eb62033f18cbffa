import { pixels } from '../../models/data/dataset.ts';
import type { Dataset } from '../../models/data/dataset.ts';
import { seededRng } from '../../models/data/seeded.ts';
import { groupsOfLabels } from '../../models/fairness/groups.ts';
import { fairnessReport } from '../../models/fairness/report.ts';
import type { FairnessReport } from '../../models/fairness/report.ts';
import { sizeOf } from '../../models/tensor.ts';
import { predict } from '../../models/runtime/run.ts';
import { fitted } from '../../models/data/fitted.ts';
import { defined } from '../../src/shared/defined.ts';
import { silent } from '../../src/shared/progress.ts';
import { prepare } from '../compile/served-plan.ts';
import type { CompileOptions } from '../compile/options.ts';
import type { Calibration } from '../compile/calibrate.ts';
import type { CompareOptions, NamedModel } from './compare.ts';
import { simulate } from '../simulate/simulate.ts';

export type ArithmeticOptions = CompareOptions & {
  readonly calibration: Dataset | Calibration;
  /**
   * How many low bits the sign tests leave out (default: 'free', the bits that the truncation drops anyway).
   */
  readonly k?: CompileOptions['k'];
};

/** The rows of a report on arithmetic. The others are compared with the first. */
export const arithmetics = ['floating point', 'fixed point', 'sign-test faults'] as const;

/**
 * Compares what the cryptography alone costs each group, without any reduction: one model in floating point,
 * in the protocol's integers with exact sign tests, and with the faults of truncated sign tests. The protocol
 * is simulated, not run (see simulate.ts). Throws PlanError if the model cannot run privately.
 */
export async function compareArithmetic(
  { name, model: trained }: NamedModel,
  given: Dataset,
  { calibration, k, groups, onProgress = silent, ...report }: ArithmeticOptions,
): Promise<FairnessReport> {
  const dataset = fitted(trained, given);
  const { model, plan, weights } = await prepare(trained, { calibration, ...defined({ k }) });
  const images = pixels(dataset);
  const classes = sizeOf(model.graph.outputs[0]!.shape);
  const size = images.length / dataset.n;
  const inIntegers = async (faults: boolean, which: string): Promise<Float32Array> => {
    const rng = seededRng(report.seed ?? 1);
    const logits = new Float32Array(dataset.n * classes);
    for (let i = 0; i < dataset.n; i++) {
      const image = images.subarray(i * size, (i + 1) * size);
      logits.set(await simulate(plan, weights, image, 1, rng, { faults }), i * classes);
      onProgress({ phase: 'arithmetic', of: `${name}, ${which}`, done: i + 1, total: dataset.n });
    }
    return logits;
  };
  const logits = [
    await predict(model, images, dataset.n),
    await inIntegers(false, arithmetics[1]),
    await inIntegers(true, arithmetics[2]),
  ];
  const [float, ...integers] = logits.map((values, i) => ({
    model: arithmetics[i]!,
    outcomes: { logits: values, classes, labels: dataset.labels },
  }));
  return fairnessReport(float!, integers, groups ?? groupsOfLabels(dataset.labels, dataset.classes), report);
}
