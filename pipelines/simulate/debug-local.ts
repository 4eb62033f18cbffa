import { ThreadPool } from '../../crypto/worker/thread-pool.ts';
import { loadRing } from '../../crypto/ring/kernels.ts';
import type { Model } from '../../models/graph.ts';
import { preprocess } from '../../models/preprocessing.ts';
import { Evaluator } from '../../models/runtime/run.ts';
import type { Shape } from '../../models/tensor.ts';
import { memoryChannels } from '../../crypto/channel/memory.ts';
import type { Rng } from '../../src/shared/random.ts';
import type { Prepared } from '../compile/served-plan.ts';
import { settingsFor } from '../cost/transfer-settings.ts';
import { openClientParty, openServerParty } from '../inference/parties.ts';
import { offlineClient, offlineServer } from '../inference/offline.ts';
import { onlineClient, onlineServer } from '../inference/online.ts';
import type { Answer } from '../inference/answer.ts';
import { networkSteps } from '../plan/answer.ts';
import { inputOf } from '../plan/plan.ts';
import type { Plan, WireId } from '../plan/plan.ts';
import { replay } from './replay.ts';
import type { WireCheck } from './replay.ts';

/** A wire of a private run whose two shares were added. Errors are in real units. */
export type WireDiff = WireCheck & {
  readonly step: number;
  readonly node: string;
  readonly kind: string;
  readonly shape: Shape;
  readonly scale: number;
  /**
   * The largest and the root mean square error against the float model; null for a wire that carries no value
   * of the graph.
   */
  readonly error: number | null;
  readonly rmsError: number | null;
  /** The largest float value. */
  readonly largest: number | null;
};

/**
 * Runs both parties of one inference in this process, with all of the cryptography. Then it opens every wire,
 * which a real session never does, and compares it with the protocol's integers and with the float model.
 */
export async function debugLocal(
  prepared: Prepared,
  image: Float32Array,
  rng: Rng,
): Promise<{ answer: Answer; wires: WireDiff[] }> {
  const { plan, weights, model } = prepared;
  const { answer, opened, clientShares } = await bothParties(prepared, image, rng);
  const shareOf = (wire: WireId) => clientShares.get(wire)!;
  const checks = replay(await loadRing(), plan, weights, image, opened, shareOf);
  const values = valuesOf(model, plan);
  const float = await floatValues(model, image, new Set(values.values()));
  const input = { id: 0, node: model.graph.inputs[0]!.name, kind: 'input', output: plan.input.wire };
  const wires = [input, ...plan.steps].map(({ id, node, kind, output }) => {
    const { shape, scale } = plan.wires[output]!;
    const words = opened.get(output)!;
    const reference = float.get(values.get(output) ?? '');
    return {
      step: id,
      node,
      kind,
      shape,
      scale,
      ...checks.get(output)!,
      ...errorsOf(words, scale, reference),
    };
  });
  return { answer, wires };
}

async function bothParties({ plan, weights }: Prepared, image: Float32Array, rng: Rng) {
  const pool = new ThreadPool();
  try {
    const [client, server] = memoryChannels();
    const transfers = settingsFor(plan);
    const [clientParty, serverParty] = await Promise.all([
      openClientParty(client, pool, plan, rng, transfers),
      openServerParty(server, pool, plan, 'debug', rng, transfers),
    ]);
    const [clientOffline, serverOffline] = await Promise.all([
      offlineClient(client, plan, clientParty),
      offlineServer(server, plan, weights, serverParty),
    ]);
    const [clientOnline, serverOnline] = await Promise.all([
      onlineClient(client, plan, clientOffline.offline, image),
      onlineServer(server, plan, weights, serverOffline.offline, await loadRing()),
    ]);
    clientParty.close();
    const clientShares = clientOffline.wires;
    const opened = new Map<WireId, Uint32Array>();
    for (const [wire, share] of serverOnline.wires) {
      const other = clientShares.get(wire)!;
      opened.set(
        wire,
        share.map((word, i) => word + other[i]!),
      );
    }
    return { answer: clientOnline.answer, opened, clientShares };
  } finally {
    await pool.close();
  }
}

/**
 * The name of the graph's value on each wire: the last step of a node carries its value, and a truncation
 * carries the value that it read. The steps after the logits carry none.
 */
function valuesOf(model: Model, plan: Plan): Map<WireId, string> {
  const steps = networkSteps(plan);
  const lastStep = new Map(steps.map((step) => [nodeOf(step.node), step.id]));
  const nodes = new Map(model.graph.nodes.map((node) => [node.name, node]));
  const values = new Map([[plan.input.wire, model.graph.inputs[0]!.name]]);
  for (const step of steps) {
    const node = nodes.get(nodeOf(step.node));
    const value =
      node === undefined
        ? values.get(inputOf(step))
        : lastStep.get(node.name) === step.id
          ? node.outputs[0]
          : undefined;
    if (value !== undefined) values.set(step.output, value);
  }
  return values;
}

/** The node of a step; the levels of a maximum are named after their node. */
function nodeOf(step: string): string {
  return step.replace(/\/(rows|columns)\d*$/, '');
}

async function floatValues(model: Model, image: Float32Array, names: ReadonlySet<string>) {
  const { inputs, preprocessing } = model.graph;
  const { name: input, shape } = inputs[0]!;
  const evaluator = await Evaluator.create(model, { outputs: [...names].filter((name) => name !== input) });
  try {
    const values = await evaluator.run(image, 1);
    return new Map([...values, [input, preprocess(image, shape, preprocessing)]]);
  } finally {
    await evaluator.release();
  }
}

function errorsOf(words: Uint32Array, scale: number, reference: Float32Array | undefined) {
  if (reference === undefined) return { error: null, rmsError: null, largest: null };
  let [error, squares, largest] = [0, 0, 0];
  for (let i = 0; i < words.length; i++) {
    const off = Math.abs((words[i]! | 0) / scale - reference[i]!);
    error = Math.max(error, off);
    squares += off * off;
    largest = Math.max(largest, Math.abs(reference[i]!));
  }
  return { error, rmsError: Math.sqrt(squares / words.length), largest };
}
