import { expect, test } from 'vitest';
import { MemoryChannel } from '../../../crypto/channel/memory.ts';
import { loadRing } from '../../../crypto/ring/kernels.ts';
import type { ActivationSpec } from '../../../crypto/spec.ts';
import { predictCost } from '../../../pipelines/cost/bytes.ts';
import { predictLatency } from '../../../pipelines/cost/latency.ts';
import { profiles } from '../../../pipelines/cost/profiles.ts';
import { inputShare, OneTime, outputShare } from '../../../pipelines/inference/one-time.ts';
import { onlineClient, onlineServer } from '../../../pipelines/inference/online.ts';
import type { Plan } from '../../../pipelines/plan/plan.ts';
import { ThrottledLink } from '../../../src/net/throttle.ts';
import type { Clock } from '../../../src/net/throttle.ts';
import { randomWords } from '../../../src/shared/random.ts';
import { prepare, realOt, reluSpec, someSpec } from '../../helpers/protocol/activation.ts';
import { freeMachine } from '../../helpers/protocol/machine.ts';
import { ManualClock } from '../../helpers/manual-clock.ts';
import { tinyPlan } from '../../helpers/networks/networks.ts';
import { seededRng } from '../../helpers/rng.ts';

/** The end of a connection to which frames come over a link, at the clock's time. */
class FarEnd extends MemoryChannel {
  readonly #link = new ThrottledLink(profiles.wan);
  readonly #clock: Clock;

  constructor(clock: Clock) {
    super();
    this.#clock = clock;
  }

  override deliver(frame: Uint8Array): void {
    const due = this.#link.accept(frame.byteLength, this.#clock.now());
    this.#clock.at(due, () => super.deliver(frame), 'exactly');
  }
}

/** An image, one activation layer, and its output as the answer. */
function planOf(spec: ActivationSpec): Plan {
  const shape = [spec.channels, spec.channelSize, 1];
  return {
    ...tinyPlan,
    output: { answer: 'logits', wire: 1 },
    wires: [
      { shape, scale: 64, bits: 8 },
      { shape, scale: 16, bits: 20 },
    ],
    steps: [{ kind: 'activation', id: 1, node: 'act', inputs: [0], output: 1, spec }],
  };
}

/** Milliseconds of the clock that both halves take, in which computing takes none. */
async function onlineMs(plan: Plan, spec: ActivationSpec): Promise<number> {
  const rng = seededRng('online time');
  const [xC, mask] = [randomWords(rng, spec.kinds.length), randomWords(rng, spec.kinds.length)];
  const { client, server } = await prepare(await realOt(rng), spec, xC, rng, mask);
  const offline = { shares: new OneTime<Uint32Array>(), activations: new OneTime<typeof client>() };
  offline.shares.set(inputShare, xC);
  offline.shares.set(outputShare, mask);
  offline.activations.set(1, client);
  const ofServer = { masks: new OneTime<Uint32Array>(), activations: new OneTime<typeof server>() };
  ofServer.activations.set(1, server);
  const clock = new ManualClock();
  const [toServer, toClient] = [new FarEnd(clock), new FarEnd(clock)];
  toServer.connect(toClient);
  toClient.connect(toServer);
  const image = new Float32Array(spec.kinds.length);
  const ended = onlineClient(toServer, plan, offline, image).then(() => clock.now());
  void onlineServer(toClient, plan, new Map(), ofServer, await loadRing());
  await clock.advance(1e6);
  return ended;
}

test.each(['relu', 'mixed'] as const)(
  'on the WAN the two halves take what is predicted, where computing takes nothing: %s',
  async (kinds) => {
    const spec = someSpec(kinds, 4000, seededRng('online'), reluSpec(8));
    const plan = planOf(spec);
    const { online } = predictLatency(plan, profiles.wan, freeMachine);
    expect(await onlineMs(plan, spec)).toBeCloseTo(1000 * online.seconds, 6);
    // One frame after the other would be slower: parts go down while others come up.
    const { bytes_up, bytes_down } = predictCost(plan).online;
    const inTurn = (8 * (bytes_up + bytes_down)) / profiles.wan.bitsPerSecond + 0.08;
    expect(online.seconds).toBeLessThan(inTurn - 0.001);
  },
);
