import { linearExchanges } from '../../crypto/he/linear.ts';
import { offlineBytes } from '../../crypto/steps/activation/messages.ts';
import { transferBytes } from './bytes.ts';
import type { Bytes, Prediction } from './bytes.ts';
import type { ActivationPart } from './machine.ts';
import type { Link } from './network.ts';
import type { Exchange, StepWork } from './work.ts';
import { activationSteps, inputOf } from '../plan/plan.ts';
import type { ActivationStep, LinearStep, Plan, WireId } from '../plan/plan.ts';
import type { ScheduledTask } from './schedule.ts';
import type { TransferSettings } from './transfer-settings.ts';

export type Setting = {
  readonly threads: number;
  readonly network: Link;
  readonly parties: 'together' | 'apart';
  readonly transfers: TransferSettings;
};

/**
 * The offline phase as tasks for `finishTimes`, in the order of inference/offline.ts: first the transfers of
 * all activations, then the linear layers, each as soon as its input shares are known, then the tables of the
 * activations, each as soon as the client knows its share. A linear layer with several exchanges is as many
 * pieces. The resources are each party's main thread, each
 * party's pool (one pool if the parties share a machine) and each direction of the network.
 */
export function offlineTasks(
  plan: Plan,
  work: readonly StepWork[],
  cost: Prediction,
  setting: Setting,
): readonly ScheduledTask[] {
  const timeline = new Timeline(setting);
  const activations = work.flatMap(({ activation }) => (activation === undefined ? [] : [activation]));
  timeline.transfers(activations, [...transferBytes(plan, setting.transfers).values()]);
  plan.steps.forEach((step, i) => {
    if (step.kind === 'linear') timeline.linear(step, work[i]!.linear!, cost.steps[i]!.offline);
    else if (step.kind === 'activation') timeline.masked(step.output);
    else timeline.local(step.inputs, step.output);
  });
  const indices = new Map(plan.steps.map(({ id }, i) => [id, i]));
  for (const step of activationSteps(plan)) {
    const i = indices.get(step.id)!;
    timeline.activation(step, work[i]!);
  }
  return timeline.tasks;
}

/** The pieces that a linear layer counts as, at most: more overlap no better, and each takes time to plan. */
const mostPieces = 8;

type Place = 'clientPool' | 'serverPool' | 'clientMain' | 'serverMain';

class Timeline {
  readonly tasks: ScheduledTask[] = [];
  readonly #setting: Setting;
  /** The tasks that must end before the client knows its share of a wire. */
  readonly #known = new Map<WireId, readonly number[]>();
  /** The tasks after which each party has the keys of its transfers. */
  #clientKeys: readonly number[] = [];
  #serverKeys: readonly number[] = [];
  #lastUp: number[] = [];

  constructor(setting: Setting) {
    this.#setting = setting;
  }

  /** The keys of all activations. The server's messages come first on the wire. */
  transfers(activations: readonly NonNullable<StepWork['activation']>[], parts: readonly Bytes[]): void {
    const bytes = (way: keyof Bytes) => parts.reduce((sum, part) => sum + part[way], 0);
    const seconds = (part: ActivationPart) => activations.reduce((sum, work) => sum + work[part], 0);
    const drawn = this.#work('serverMain', seconds('serverKeys'), []);
    const arrived = this.#send('down', bytes('bytes_down'), [drawn]);
    this.#serverKeys = [drawn];
    this.#clientKeys = [this.#work('clientMain', seconds('clientKeys'), [arrived])];
    this.#lastUp = [this.#send('up', bytes('bytes_up'), [])];
  }

  masked(wire: WireId): void {
    this.#known.set(wire, []);
  }

  local(inputs: readonly WireId[], output: WireId): void {
    this.#known.set(
      output,
      inputs.flatMap((wire) => this.#waitsFor(wire)),
    );
  }

  linear({ inputs, output, spec }: LinearStep, work: Exchange, bytes: Bytes): void {
    const count = Math.min(mostPieces, linearExchanges(spec));
    const { encrypt, respond, decrypt } = work;
    const own = { encrypt: encrypt / count, respond: respond / count, decrypt: decrypt / count };
    const part = { bytes_up: bytes.bytes_up / count, bytes_down: bytes.bytes_down / count };
    const known = [];
    for (let piece = 0; piece < count; piece++) {
      const { request, done } = this.#exchange(own, part, this.#waitsFor(inputs[0]!));
      this.#lastUp = [request];
      known.push(done);
    }
    this.#known.set(output, known);
  }

  activation(step: ActivationStep, { activation }: StepWork): void {
    const { clientTables, serverTables } = activation!;
    const made = this.#work('clientMain', clientTables, [
      ...this.#waitsFor(inputOf(step)),
      ...this.#clientKeys,
    ]);
    const sent = this.#send('up', offlineBytes(step.spec), [made], this.#lastUp);
    this.#work('serverMain', serverTables, [sent, ...this.#serverKeys]);
    this.#lastUp = [sent];
  }

  #exchange({ encrypt, respond, decrypt }: Exchange, bytes: Bytes, after: readonly number[]) {
    const { threads } = this.#setting;
    const encrypted = this.#work('clientPool', encrypt / threads, after);
    const request = this.#send('up', bytes.bytes_up, [encrypted], this.#lastUp);
    const answered = this.#work('serverPool', respond / threads, [request]);
    const answer = this.#send('down', bytes.bytes_down, [answered]);
    return { request, done: this.#work('clientPool', decrypt / threads, [answer]) };
  }

  #waitsFor(wire: WireId): readonly number[] {
    return this.#known.get(wire) ?? [];
  }

  #work(place: Place, seconds: number, after: readonly number[], behind: readonly number[] = []): number {
    const pooled = place === 'clientPool' || place === 'serverPool';
    const resource = pooled && this.#setting.parties === 'together' ? 'pool' : place;
    return this.tasks.push({ resource, seconds, after, behind }) - 1;
  }

  #send(way: 'up' | 'down', bytes: number, after: readonly number[], behind: readonly number[] = []): number {
    const { message, delay, ...perByte } = this.#setting.network;
    return (
      this.tasks.push({ resource: way, seconds: message + bytes * perByte[way], after, behind, lag: delay }) -
      1
    );
  }
}
