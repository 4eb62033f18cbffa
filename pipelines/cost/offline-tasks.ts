import { offlineBytes } from '../../crypto/steps/activation/messages.ts';
import type { Prediction } from './bytes.ts';
import type { Link } from './network.ts';
import type { Exchange, StepWork } from './work.ts';
import { activationSteps, inputOf } from '../plan/plan.ts';
import type { ActivationStep, LinearStep, Plan, WireId } from '../plan/plan.ts';
import type { ScheduledTask } from './schedule.ts';

export type Setting = {
  readonly threads: number;
  readonly network: Link;
  readonly parties: 'together' | 'apart';
};

/** The exchanges of a step under homomorphic encryption. */
export function exchangesOf({ linear, squares }: StepWork): Exchange[] {
  return [linear, squares].filter((exchange) => exchange !== undefined);
}

/**
 * The offline phase as tasks for `finishTimes`, in the order of inference/offline.ts: first the linear
 * layers, each as soon as its input shares are known, then all squares, then the activations. The server
 * handles one activation after the other; the client sends its choices as early as it can. The resources are
 * each party's main thread, each party's pool (one pool if the parties share a machine) and each direction of
 * the network.
 */
export function offlineTasks(
  plan: Plan,
  work: readonly StepWork[],
  cost: Prediction,
  setting: Setting,
): readonly ScheduledTask[] {
  const timeline = new Timeline(setting);
  plan.steps.forEach((step, i) => {
    if (step.kind === 'linear') timeline.linear(step, work[i]!.linear!, cost.steps[i]!.offline);
    else if (step.kind === 'activation') timeline.masked(step.output);
    else timeline.local(step.inputs, step.output);
  });
  plan.steps.forEach((step, i) => {
    if (step.kind === 'activation') timeline.squares(step, work[i]!, cost.steps[i]!.offline);
  });
  const indices = new Map(plan.steps.map(({ id }, i) => [id, i]));
  for (const step of activationSteps(plan)) {
    const i = indices.get(step.id)!;
    timeline.activation(step, work[i]!);
  }
  return timeline.tasks;
}

type TwoWays = { readonly bytes_up: number; readonly bytes_down: number };
type Place = 'clientPool' | 'serverPool' | 'clientMain' | 'serverMain';

class Timeline {
  readonly tasks: ScheduledTask[] = [];
  readonly #setting: Setting;
  /** The tasks that must end before the client knows its share of a wire. */
  readonly #known = new Map<WireId, readonly number[]>();
  /**
   * The tasks that must end before the server garbles the next activation: all its answers to linear layers
   * and squares, then the activation before.
   */
  #answers: readonly number[] = [];
  #lastUp: number[] = [];
  #offered: number[] = [];

  constructor(setting: Setting) {
    this.#setting = setting;
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

  linear({ inputs, output }: LinearStep, work: Exchange, bytes: TwoWays): void {
    const { request, answer, done } = this.#exchange(work, bytes, this.#waitsFor(inputs[0]!));
    this.#lastUp = [request];
    this.#answers = [...this.#answers, answer];
    this.#known.set(output, [done]);
  }

  /** Adds the exchange of a batch of squares. Its bytes are those of the step without the circuits. */
  squares({ spec }: ActivationStep, { squares }: StepWork, { bytes_up, bytes_down }: TwoWays): void {
    if (squares === undefined) return;
    const circuits = offlineBytes(spec);
    const bytes = { bytes_up: bytes_up - circuits.up, bytes_down: bytes_down - circuits.down };
    const { request, answer } = this.#exchange(squares, bytes, []);
    this.#lastUp = [request];
    this.#answers = [...this.#answers, answer];
  }

  activation(step: ActivationStep, { activation }: StepWork): void {
    const circuits = offlineBytes(step.spec);
    const { offer, garble, take } = activation!;
    const offered = this.#work('clientMain', offer, [...this.#waitsFor(inputOf(step)), ...this.#offered]);
    const sent = this.#send('up', circuits.up, [offered], this.#lastUp);
    const garbled = this.#work('serverMain', garble, [sent], this.#answers);
    const arrived = circuits.down === 0 ? offered : this.#send('down', circuits.down, [garbled]);
    this.#work('clientMain', take, [arrived]);
    this.#offered = [offered];
    this.#lastUp = [sent];
    this.#answers = [garbled];
  }

  #exchange({ encrypt, respond, decrypt }: Exchange, bytes: TwoWays, after: readonly number[]) {
    const { threads } = this.#setting;
    const encrypted = this.#work('clientPool', encrypt / threads, after);
    const request = this.#send('up', bytes.bytes_up, [encrypted], this.#lastUp);
    const answered = this.#work('serverPool', respond / threads, [request]);
    const answer = this.#send('down', bytes.bytes_down, [answered]);
    return { request, answer, done: this.#work('clientPool', decrypt / threads, [answer]) };
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
