import type { Channel, Traffic } from '../../crypto/channel/channel.ts';
import { MeteredChannel } from '../../crypto/channel/meter.ts';
import type { Step } from '../plan/plan.ts';

/** The cost of a step at one party. Bytes include frame headers; `up` is from the client to the server. */
export type StepCost = {
  readonly step: number;
  readonly node: string;
  readonly kind: Step['kind'];
  /** Seconds since the end of the step before, so that a phase's figures add up to its time. */
  readonly seconds: number;
  readonly bytes_up: number;
  readonly bytes_down: number;
};

export type Role = 'client' | 'server';

type Bytes = Pick<Traffic, 'sent' | 'received'>;

const none = { seconds: 0, bytes_up: 0, bytes_down: 0 };

/** Measures the steps of a phase one after the other. */
export class StepClock {
  readonly costs: StepCost[] = [];
  readonly #role: Role;
  #last = performance.now();

  constructor(role: Role) {
    this.#role = role;
  }

  /** Ends a step or a part of it; `traffic` is what it sent and received at this party. Parts add up. */
  finish(step: Step, traffic: Bytes): void {
    const now = performance.now();
    this.#add(step, (now - this.#last) / 1000, traffic);
    this.#last = now;
  }

  /** Adds bytes to a step that took no time of its own. */
  count(step: Step, traffic: Bytes): void {
    this.#add(step, 0, traffic);
  }

  #add(step: Step, seconds: number, { sent, received }: Bytes): void {
    const [bytes_up, bytes_down] = this.#role === 'client' ? [sent, received] : [received, sent];
    const at = this.costs.findIndex((cost) => cost.step === step.id);
    const before = at < 0 ? none : this.costs[at]!;
    const cost: StepCost = {
      ...{ step: step.id, node: step.node, kind: step.kind },
      seconds: before.seconds + seconds,
      bytes_up: before.bytes_up + bytes_up,
      bytes_down: before.bytes_down + bytes_down,
    };
    if (at < 0) this.costs.push(cost);
    else this.costs[at] = cost;
  }

  /** Runs a step on a view of the channel that counts its bytes. */
  async time<T>(step: Step, channel: Channel, work: (channel: Channel) => Promise<T> | T): Promise<T> {
    const view = new MeteredChannel(channel);
    const result = await work(view);
    this.finish(step, view.traffic);
    return result;
  }
}
