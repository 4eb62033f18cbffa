/** The public API. Names are stable between minor versions; deeper paths are not exported. */
export { connect } from './client.ts';
export type { ConnectOptions, InferenceResult, Session } from './client.ts';
export { startServer } from './server.ts';
export type { RunningServer, ServerEvent, ServerOptions } from './server.ts';
export type { PhaseCost } from './net/session.ts';

export { compile, publicPart } from '../pipelines/compile/compile.ts';
export { prepare } from '../pipelines/compile/served-plan.ts';
export type { Prepared } from '../pipelines/compile/served-plan.ts';
export type { CompileOptions, PublicPart } from '../pipelines/compile/options.ts';
export { calibrate } from '../pipelines/compile/calibrate.ts';
export type { Ranges, ValueRange } from '../pipelines/compile/ranges.ts';
export { quantise } from '../pipelines/compile/quantise.ts';
export type { ServerWeights } from '../pipelines/compile/quantise.ts';
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
export type { Plan, Step, Wire } from '../pipelines/plan/plan.ts';
export { parsePlan, planHash, serialisePlan } from '../pipelines/plan/codec.ts';

export { methodNames, methods } from '../pipelines/reduce/methods.ts';
export type { Method, MethodName } from '../pipelines/reduce/methods.ts';
export type { LayerEntry, Reduction, ReductionOptions } from '../pipelines/reduce/reduction.ts';
export { deepreduceFamily } from '../pipelines/reduce/deepreduce/family.ts';
export type { FamilyMember, FamilyOptions } from '../pipelines/reduce/deepreduce/family.ts';
export { designHybrenets } from '../models/architectures/hybrenet-designs.ts';
export type { DesignOptions, HybrenetDesign } from '../models/architectures/hybrenet-designs.ts';
export { loadDataset } from '../models/data/dataset.ts';
export type { Dataset } from '../models/data/dataset.ts';
export { splitValidation } from '../models/data/splits.ts';

export { loadModel } from '../models/files/read.ts';
export { saveModel } from '../models/files/write.ts';
export { countRelus, inspect } from '../models/analysis/inspect.ts';
export { predict } from '../models/runtime/run.ts';
export { forInference } from '../models/passes/index.ts';
export { privateForm } from '../pipelines/compile/private-form.ts';
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
