import type { JobSpec } from '../../../pipelines/pareto/job.ts';
import type { InferenceCost, RunResult } from '../../../pipelines/pareto/result.ts';
import type { Run } from '../../../pipelines/pareto/run.ts';
import type { Owner, RunStore } from '../../../pipelines/pareto/store.ts';

export const circaSetting = { tolerance: 0.005, searchImages: 500 };

/** A job's identity, parts of it replaced. */
export function sampleSpec(changes: Partial<JobSpec> = {}): JobSpec {
  return {
    network: 'net.onnx',
    networkHash: 'ab'.repeat(32),
    data: 'bars',
    dataHash: 'cd'.repeat(32),
    method: 'deepreduce',
    circa: null,
    budget: '0.5',
    seed: 1,
    epochs: 2,
    searchEpochs: null,
    replace: null,
    granularity: null,
    pretrainEpochs: null,
    ranking: null,
    featureLoss: null,
    rangeLoss: null,
    agreement: null,
    ...changes,
  };
}

/** Costs that grow with the number of ReLUs. */
export function sampleCost(
  relus: number,
  profile: string,
  source: InferenceCost['source'] = 'predicted',
): InferenceCost {
  const slow = { loopback: 1, lan: 2, wan: 30 }[profile]!;
  return {
    ...{ profile, source, rounds: 5 },
    offlineSeconds: 0.1 + 2e-5 * slow * relus,
    onlineSeconds: 1e-5 * slow * relus,
    offline: { bytes_up: 1000, bytes_down: 600 * relus },
    online: { bytes_up: 100 * relus, bytes_down: 50 * relus },
  };
}

export function sampleResult(relus: number, accuracy: number): RunResult {
  return {
    relus,
    relusBefore: 10_000,
    accuracy,
    privateAccuracy: accuracy - 0.001,
    agree: 990,
    n: 1000,
    perClass: [
      { class: 'a', accuracy, n: 600, privateAccuracy: accuracy },
      { class: 'b', accuracy: NaN, n: 0, privateAccuracy: NaN },
    ],
    bits: null,
    planHash: 'ef'.repeat(32),
    log: [
      {
        ...{ layer: 'relu1', stage: 'S1', relus_before: 10_000, relus_after: relus },
        ...{ identity: 0, poly: 10_000 - relus, reason: 'those that cost least are polynomials' },
      },
    ],
    layers: [layer('conv1', 'linear', 0), layer('relu1', 'activation', relus)],
    costs: ['loopback', 'lan', 'wan'].map((profile) => sampleCost(relus, profile)),
    onnx: `networks/${relus}.onnx`,
    onnxHash: '01'.repeat(32),
    windows: null,
    command: `reluctant reduce net.onnx --budget ${relus}`,
    versions: { reluctant: '0.1.0', node: '24.0.0' },
    machine: { host: 'here', cpu: 'Test <CPU> & co', cores: 2, platform: 'linux x64' },
    seconds: 12,
  };
}

function layer(node: string, kind: string, relus: number) {
  const seconds = (slow: number) => ({ offline: 0.05 + 2e-5 * slow * relus, online: 1e-5 * slow * relus });
  return {
    ...{ node, kind, relus, offlineBytes: 1000 + 600 * relus, onlineBytes: 150 * relus },
    seconds: { loopback: seconds(1), lan: seconds(2), wan: seconds(30) },
  };
}

export const owner: Owner = { id: 'first', host: 'elsewhere', pid: 1 };

/** Puts one run into a store, done with these figures. */
export function addDone(store: RunStore, spec: JobSpec, relus: number, accuracy: number): Run {
  const [id] = store.add([spec]);
  store.take([id!], owner);
  store.finish(id!, owner, sampleResult(relus, accuracy));
  return store.run(id!);
}
