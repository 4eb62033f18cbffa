import { createHash } from 'node:crypto';
import type { Replacement } from '../../models/graph.ts';
import type { Granularity } from '../reduce/gates/layer-states.ts';
import type { MethodName } from '../reduce/methods.ts';
import { parseBudget } from '../cost/budget.ts';
import { takenBy } from '../reduce/options.ts';
import type { Ranking } from '../reduce/ranking.ts';

/** The method's name for the network as it was given, with all its ReLUs. */
export const originalMethod = 'original';

/** The limits of the search for sign-test windows, which runs on images held out of the training images. */
export type CircaSetting = {
  /**
   * The accuracy that the search may lose on its images, in [0, 1]. The name of this field goes into the ids
   * of jobs.
   */
  readonly tolerance: number;
  readonly searchImages: number;
};

/** All settings of one run. Every field except `network`, which is only a name, decides the job's id. */
export type JobSpec = {
  /** The network's name on the command line. */
  readonly network: string;
  /** The SHA-256 of the network's .onnx file, in hex. */
  readonly networkHash: string;
  readonly data: string;
  /**
   * The SHA-256 of the images and labels, in hex. It tells whether another machine's data of the same name is
   * the same data.
   */
  readonly dataHash: string;
  readonly method: MethodName | typeof originalMethod;
  readonly circa: CircaSetting | null;
  /** The budget as text: a share or a count of ReLUs, or another form that the method takes. */
  readonly budget: string;
  readonly seed: number;
  readonly epochs: number;
  /** Epochs of learning which ReLUs to keep (null: as many as for fine-tuning). */
  readonly searchEpochs: number | null;
  /** What takes a ReLU's place (null: the method's own). */
  readonly replace: Replacement | null;
  /** Whether ReLUs are removed one by one or by channels (null: the method's own). */
  readonly granularity: Granularity | null;
  /** Epochs of training deepreshape's network before ReLUs are removed (null: the method's own). */
  readonly pretrainEpochs: number | null;
  /** The order in which gates start or ReLUs go (null: the method's own). */
  readonly ranking: Ranking | null;
  /** The weights of two losses of fine-tuning (null: 0). */
  readonly featureLoss: number | null;
  readonly rangeLoss: number | null;
  /**
   * The share of private answers with the network's own label for which its plan has the fewest bits (null:
   * the compiler's bits).
   */
  readonly agreement: number | null;
};

/** The settings that not every method takes. */
type OptionalSetting =
  | 'replace'
  | 'granularity'
  | 'searchEpochs'
  | 'pretrainEpochs'
  | 'ranking'
  | 'featureLoss'
  | 'rangeLoss'
  | 'agreement';

/**
 * The settings of a job that are given and that its method takes. An agreement is one of them only where the
 * method counts its budget with the bits; the plan of the network gets them in any case.
 */
export function methodSettings(method: MethodName, spec: JobSpec): Settings {
  const { replace, granularity, searchEpochs, pretrainEpochs, ranking, featureLoss, rangeLoss } = spec;
  const agreement = typeof parseBudget(spec.budget) === 'number' ? null : spec.agreement;
  const losses = { featureLoss, rangeLoss };
  const own = { replace, granularity, searchEpochs, pretrainEpochs, ranking, ...losses, agreement };
  const told = takenBy(method, own);
  return Object.fromEntries(Object.entries(told).filter(([, value]) => value !== null));
}

type Settings = { readonly [K in OptionalSetting]?: NonNullable<JobSpec[K]> };

/**
 * The id of a job, 16 hex digits. The same settings give the same id at any time and on any machine. Settings
 * that were added after the first release enter the hash only if they are given, so that older jobs keep
 * their ids.
 */
export function jobId(spec: JobSpec): string {
  const { networkHash, data, dataHash, method, circa, budget, seed, epochs, searchEpochs, replace } = spec;
  const { granularity, pretrainEpochs, ranking, featureLoss, rangeLoss, agreement } = spec;
  const work = [method, circa, budget, seed, epochs, searchEpochs, replace];
  const later = {
    ...(granularity !== null && { granularity }),
    ...(pretrainEpochs !== null && { pretrainEpochs }),
    ...(ranking !== null && { ranking }),
    ...(featureLoss !== null && { featureLoss }),
    ...(rangeLoss !== null && { rangeLoss }),
    ...(agreement !== null && { agreement }),
  };
  const given = Object.keys(later).length === 0 ? [] : [later];
  const identity = [networkHash, data, dataHash, ...work, ...given];
  return createHash('sha256').update(JSON.stringify(identity)).digest('hex').slice(0, 16);
}
