import { pixels } from '../../models/data/dataset.ts';
import type { Dataset } from '../../models/data/dataset.ts';
import { permutation, seededUniform } from '../../models/data/seeded.ts';
import type { Model } from '../../models/graph.ts';
import { calibrate } from './calibrate.ts';
import { compile, publicPart } from './compile.ts';
import type { Calibration } from './compile.ts';
import type { Plan } from '../plan/plan.ts';
import { privateForm } from './private-form.ts';

/** As many as `plan` and `serve` take. */
const calibrationImages = 256;

/** Training images on which the scales of every candidate are measured: the same for all, so that their costs can be compared. */
export function calibrationOf(train: Dataset): Calibration {
  const rows = permutation(train.n, seededUniform(1)).subarray(0, calibrationImages);
  return { images: pixels(train, rows), n: rows.length };
}

/** The plan by which a network would be served. Throws PlanError where it can't run privately. */
export async function planOf(model: Model, calibration: Calibration): Promise<Plan> {
  const served = privateForm(model);
  return compile(served.graph, await calibrate(served, calibration), publicPart(served));
}
