/**
 * The public API; docs/library.md shows it at work. Names are stable between minor versions. Deeper paths are
 * not exported. Images are floats [C, H, W], row-major, in [0, 1]; a model's own normalisation is applied to
 * them where they enter it (`describeModel`). `n` images are [n, C, H, W].
 */

// Models: read and write ONNX files, count what they compute, run them in the clear.
export { loadModel } from '../models/files/read.ts';
export { saveModel } from '../models/files/write.ts';
export { countRelus, inspect } from '../models/analysis/inspect.ts';
export type { Inspection, LayerInspection } from '../models/analysis/inspect.ts';
export { describeModel } from '../models/passes/describe-model.ts';
export type { ModelDescription } from '../models/passes/describe-model.ts';
export { predict } from '../models/runtime/run.ts';
export type { PredictOptions } from '../models/runtime/run.ts';
export type { Graph, Model, Node } from '../models/graph.ts';
export type { Shape, Tensor } from '../models/tensor.ts';

// Images: data sets with labels, and single pictures as a model's input.
export { loadDataset, pixels, subset } from '../models/data/dataset.ts';
export type { Dataset, LoadOptions, Split } from '../models/data/dataset.ts';
export { splitValidation } from '../models/data/splits.ts';
export { readImage } from '../models/data/images/image.ts';
export type { ReadImageOptions } from '../models/data/images/image.ts';
export { normalise } from '../models/preprocessing.ts';
export type { Normalisation, NormalisationName, Preprocessing } from '../models/preprocessing.ts';

// Reduction: fewer ReLUs, fine-tuned.
export { reduce } from '../pipelines/reduce/reduce.ts';
export type { Reduced, ReduceOptions } from '../pipelines/reduce/reduce.ts';
export { methodNames, methods } from '../pipelines/reduce/methods.ts';
export type { Method, MethodName } from '../pipelines/reduce/methods.ts';
export type { LayerEntry, Reduction, ReductionOptions } from '../pipelines/reduce/reduction.ts';
export { deepreduceFamily } from '../pipelines/reduce/deepreduce/family.ts';
export type { FamilyMember, FamilyOptions } from '../pipelines/reduce/deepreduce/family.ts';
export { designHybrenets } from '../models/architectures/hybrenet-designs.ts';
export type { DesignOptions, HybrenetDesign } from '../models/architectures/hybrenet-designs.ts';

// Accuracy: as a whole and by class, and who loses by a reduction.
export { evaluate } from '../models/train/evaluate.ts';
export type { ClassAccuracy, EvaluateOptions, Evaluation } from '../models/train/evaluate.ts';
export { compareModels } from '../pipelines/fairness/compare.ts';
export type { CompareOptions, NamedModel } from '../pipelines/fairness/compare.ts';
export type { FairnessReport } from '../models/fairness/report.ts';

// Preparation: from a model to a public plan and secret integer weights. Also the predicted private answers
// and their cost.
export { prepare } from '../pipelines/compile/served-plan.ts';
export type { Prepared, PrepareOptions } from '../pipelines/compile/served-plan.ts';
export type { CompileOptions } from '../pipelines/compile/options.ts';
export type { ServerWeights } from '../pipelines/compile/quantise.ts';
export { parsePlan, planHash, serialisePlan } from '../pipelines/plan/codec.ts';
export type { Plan, Step, Wire } from '../pipelines/plan/plan.ts';
export { chooseBits, withBits } from '../pipelines/simulate/choose-bits.ts';
export type { Bits } from '../pipelines/simulate/bits-in-order.ts';
export type { ChooseBitsOptions, ChosenBits, TriedBits } from '../pipelines/simulate/choose-bits.ts';
export { logitErrorBound } from '../pipelines/simulate/error-bound.ts';
export type { ErrorBound } from '../pipelines/simulate/error-bound.ts';
export { simulate } from '../pipelines/simulate/simulate.ts';
export { predictCost } from '../pipelines/cost/bytes.ts';
export type { Prediction, StepPrediction } from '../pipelines/cost/bytes.ts';
export { predictLatency } from '../pipelines/cost/latency.ts';
export type { Latency, LatencyOptions } from '../pipelines/cost/latency.ts';
export { defaultMachine } from '../pipelines/cost/default-machine.ts';
export type { MachineCosts } from '../pipelines/cost/machine.ts';
export { profiles } from '../pipelines/cost/profiles.ts';
export type { NetworkProfile } from '../pipelines/cost/profiles.ts';

// The two parties of a private inference.
export { startServer } from './server.ts';
export type { Reload, RunningServer, ServedModel, ServerEvent, ServerOptions } from './server.ts';
export { connect } from './client.ts';
export type { OutsideRange } from '../pipelines/inference/encoding.ts';
export type { BatchOptions, ConnectOptions, InferenceResult, Session } from './client.ts';
export { ThreadPool } from '../crypto/worker/thread-pool.ts';
export type { Limits } from './net/messages.ts';
export type { PhaseCost } from './net/session.ts';

// Errors: the class says whose fault it is. Progress and randomness, which calls take as parameters.
export {
  ConnectionError,
  DataError,
  ModelError,
  PlanError,
  ProtocolError,
  RefusedError,
  ReluctantError,
  UsageError,
} from './shared/errors.ts';
export type { OnProgress, ProgressEvent } from './shared/progress.ts';
export { systemRng } from './shared/random.ts';
export type { Rng } from './shared/random.ts';
