/** The public API. Names are stable between minor versions; deeper paths are not exported. */
export { connect } from './client.ts';
export type { ConnectOptions, InferenceResult, Session } from './client.ts';
export { startServer } from './server.ts';
export type { RunningServer, ServerEvent, ServerOptions } from './server.ts';
export type { PhaseCost } from './net/session.ts';

export { compile, prepare, publicPart } from '../pipelines/compile.ts';
export type { Prepared } from '../pipelines/compile.ts';
export type { CompileOptions, PublicPart } from '../pipelines/compile-options.ts';
export { calibrate } from '../pipelines/calibrate.ts';
export type { Ranges, ValueRange } from '../pipelines/calibrate-ranges.ts';
export { quantise } from '../pipelines/quantise.ts';
export type { ServerWeights } from '../pipelines/quantise.ts';
export { logitErrorBound } from '../pipelines/quantise-error.ts';
export type { ErrorBound } from '../pipelines/quantise-error.ts';
export { simulate } from '../pipelines/simulate.ts';
export { predictCost } from '../pipelines/cost.ts';
export type { Prediction, StepPrediction } from '../pipelines/cost.ts';
export { predictLatency } from '../pipelines/latency.ts';
export type { Latency, LatencyOptions } from '../pipelines/latency.ts';
export { defaultMachine } from '../pipelines/default-machine.ts';
export type { MachineCosts } from '../pipelines/machine-costs.ts';
export { profiles } from '../pipelines/profiles.ts';
export type { NetworkProfile } from '../pipelines/profiles.ts';
export type { Plan, Step, Wire } from '../pipelines/plan.ts';
export { parsePlan, planHash, serialisePlan } from '../pipelines/plan-codec.ts';

export { methodNames, methods } from '../pipelines/methods.ts';
export type { Method, MethodName } from '../pipelines/methods.ts';
export type { LayerEntry, Reduction, ReductionOptions } from '../pipelines/reduction.ts';
export { deepreduceFamily } from '../pipelines/deepreduce/family.ts';
export type { FamilyMember, FamilyOptions } from '../pipelines/deepreduce/family.ts';
export { designHybrenets } from '../models/architectures/hybrenet-designs.ts';
export type { DesignOptions, HybrenetDesign } from '../models/architectures/hybrenet-designs.ts';
export { loadDataset } from '../models/data/dataset.ts';
export type { Dataset } from '../models/data/dataset.ts';
export { splitValidation } from '../models/data/splits.ts';

export { loadModel } from '../models/onnx/read.ts';
export { saveModel } from '../models/onnx/write.ts';
export { countRelus, inspect } from '../models/inspect.ts';
export { predict } from '../models/run.ts';
export { forInference } from '../models/passes/index.ts';
export { privateForm } from '../pipelines/private-form.ts';
export type { Graph, Model, Node } from '../models/graph.ts';
export { activationKinds } from '../models/graph.ts';

export {
  DataError,
  ModelError,
  PlanError,
  ProtocolError,
  ReluctantError,
  UsageError,
} from './shared/errors.ts';
export { systemRng } from './shared/random.ts';
export type { Rng } from './shared/random.ts';
