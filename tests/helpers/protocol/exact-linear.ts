import { outputElements } from '../../../crypto/spec.ts';
import type { Ring } from '../../../crypto/ring/kernels.ts';
import type { ClientParty, ServerParty } from '../../../pipelines/inference/offline.ts';
import { randomWords } from '../../../src/shared/random.ts';
import { seededRng } from '../rng.ts';
import { expectWithinOne } from './within-one.ts';

/**
 * Two parties of one process whose shares of linear steps are replaced by seeded ones that add up exactly, after
 * the real ones were held to add up within one unit: threads draw fresh randomness, and with it every later frame
 * would differ from run to run.
 */
export function withExactLinear<C extends ClientParty, S extends ServerParty>(
  ring: Ring,
  client: C,
  server: S,
): [C, S] {
  const outputs = new Map<
    number,
    PromiseWithResolvers<(input: Uint32Array, share: Uint32Array) => Uint32Array>
  >();
  const at = (step: number) => {
    const known = outputs.get(step) ?? Promise.withResolvers();
    outputs.set(step, known);
    return known;
  };
  const exactServer: S = {
    ...server,
    linear: async (channel, step, spec, weights) => {
      const share = await server.linear(channel, step, spec, weights);
      const seeded = randomWords(seededRng(`share of step ${step}`), outputElements(spec));
      at(step).resolve((input, other) => {
        const exact = ring.conv(spec, weights.weights, input);
        const sum = share.map((word, i) => word + other[i]!);
        expectWithinOne(sum, exact, `step ${step}`);
        return exact.map((word, i) => word - seeded[i]!);
      });
      return seeded;
    },
  };
  const exactClient: C = {
    ...client,
    linear: async (channel, step, spec, input) => {
      const share = await client.linear(channel, step, spec, input);
      return (await at(step).promise)(input, share);
    },
  };
  return [exactClient, exactServer];
}
