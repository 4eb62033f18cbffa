import type { SQLInputValue, SQLOutputValue } from 'node:sqlite';
import type { JobSpec } from './job.ts';
import type { RunResult } from './result.ts';
import type { Run, StoredCost } from './run.ts';

export type Row = Record<string, SQLOutputValue>;

/** Makes a run from the rows of the store's tables. */
export function runOf(job: Row, result: Row | undefined, costs: readonly Row[]): Run {
  return {
    id: String(job['id']),
    spec: specOf(job),
    state: job['state'] as Run['state'],
    message: textOrNull(job['message']),
    attempts: Number(job['attempts']),
    result: result === undefined ? null : resultOf(result),
    costs: costs.map(costOf),
  };
}

function specOf(job: Row): JobSpec {
  return {
    network: String(job['network']),
    networkHash: String(job['network_hash']),
    data: String(job['data']),
    dataHash: String(job['data_hash']),
    method: job['method'] as JobSpec['method'],
    circa: job['circa'] === null ? null : parsed(job['circa']),
    budget: String(job['budget']),
    seed: Number(job['seed']),
    epochs: Number(job['epochs']),
    searchEpochs: numberOrNull(job['search_epochs']),
    replace: textOrNull(job['replace']) as JobSpec['replace'],
    granularity: textOrNull(job['granularity']) as JobSpec['granularity'],
    pretrainEpochs: numberOrNull(job['pretrain_epochs']),
    ranking: textOrNull(job['ranking']) as JobSpec['ranking'],
    featureLoss: numberOrNull(job['feature_loss']),
    rangeLoss: numberOrNull(job['range_loss']),
    agreement: numberOrNull(job['agreement']),
  };
}

export function jobRow(spec: JobSpec): Record<string, SQLInputValue> {
  return {
    network: spec.network,
    network_hash: spec.networkHash,
    data: spec.data,
    data_hash: spec.dataHash,
    method: spec.method,
    circa: spec.circa === null ? null : JSON.stringify(spec.circa),
    budget: spec.budget,
    seed: spec.seed,
    epochs: spec.epochs,
    search_epochs: spec.searchEpochs,
    replace: spec.replace,
    granularity: spec.granularity,
    pretrain_epochs: spec.pretrainEpochs,
    ranking: spec.ranking,
    feature_loss: spec.featureLoss,
    range_loss: spec.rangeLoss,
    agreement: spec.agreement,
  };
}

export function resultRow(result: RunResult): Record<string, SQLInputValue> {
  return {
    relus: result.relus,
    relus_before: result.relusBefore,
    accuracy: result.accuracy,
    private_accuracy: result.privateAccuracy,
    agree: result.agree,
    n: result.n,
    per_class: JSON.stringify(result.perClass),
    plan_hash: result.planHash,
    activation_bits: result.bits?.activationBits ?? null,
    weight_bits: result.bits?.weightBits ?? null,
    left_out: result.bits?.leftOut === undefined ? null : JSON.stringify(result.bits.leftOut),
    log: JSON.stringify(result.log),
    layers: JSON.stringify(result.layers),
    onnx: result.onnx,
    onnx_hash: result.onnxHash,
    windows: result.windows,
    command: result.command,
    versions: JSON.stringify(result.versions),
    machine: JSON.stringify(result.machine),
    seconds: result.seconds,
    finished_at: new Date().toISOString(),
  };
}

function resultOf(row: Row): NonNullable<Run['result']> {
  return {
    relus: Number(row['relus']),
    relusBefore: Number(row['relus_before']),
    accuracy: Number(row['accuracy']),
    privateAccuracy: Number(row['private_accuracy']),
    agree: Number(row['agree']),
    n: Number(row['n']),
    perClass: parsed<Nullable[]>(row['per_class']).map(withNaN),
    planHash: String(row['plan_hash']),
    bits: bitsOf(row),
    log: parsed(row['log']),
    layers: parsed(row['layers']),
    onnx: String(row['onnx']),
    onnxHash: String(row['onnx_hash']),
    windows: textOrNull(row['windows']),
    command: String(row['command']),
    versions: parsed(row['versions']),
    machine: parsed(row['machine']),
    seconds: Number(row['seconds']),
    finishedAt: String(row['finished_at']),
  };
}

function bitsOf(row: Row): RunResult['bits'] {
  const activationBits = numberOrNull(row['activation_bits']);
  const weightBits = numberOrNull(row['weight_bits']);
  if (activationBits === null || weightBits === null) return null;
  const text = textOrNull(row['left_out']);
  return { activationBits, weightBits, ...(text !== null && { leftOut: parsed(text) }) };
}

type ClassRow = RunResult['perClass'][number];
type Nullable = { readonly [K in keyof ClassRow]: ClassRow[K] | null };

/** JSON writes NaN, the accuracy of a class without images, as null. This restores it. */
function withNaN(row: Nullable): ClassRow {
  const { accuracy, privateAccuracy } = row;
  return { ...row, accuracy: accuracy ?? NaN, privateAccuracy: privateAccuracy ?? NaN } as ClassRow;
}

function costOf(row: Row): StoredCost {
  const bytes = (phase: string) => ({
    bytes_up: Number(row[`${phase}_up`]),
    bytes_down: Number(row[`${phase}_down`]),
  });
  return {
    profile: String(row['profile']),
    source: row['source'] as StoredCost['source'],
    offlineSeconds: Number(row['offline_seconds']),
    onlineSeconds: Number(row['online_seconds']),
    offline: bytes('offline'),
    online: bytes('online'),
    rounds: Number(row['rounds']),
    machine: parsed(row['machine']),
    at: String(row['at']),
  };
}

type Cell = Row[string] | undefined;

/** Reads JSON without checking its form: this program wrote it into a table whose version was checked. */
function parsed<T>(cell: Cell): T {
  return JSON.parse(String(cell)) as T;
}

/** A cell is undefined if its column was added after the version of the table. */
function textOrNull(cell: Cell): string | null {
  return cell === null || cell === undefined ? null : String(cell);
}

function numberOrNull(cell: Cell): number | null {
  return cell === null || cell === undefined ? null : Number(cell);
}
