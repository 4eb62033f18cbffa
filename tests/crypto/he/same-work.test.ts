import { afterEach, expect, test, vi } from 'vitest';
import { ciphertextSpace } from '../../../crypto/he/engine.ts';
import { growBy } from '../../../crypto/he/kernels.ts';
import { layoutOf } from '../../../crypto/he/layout.ts';
import { linearRequestBytes, linearResponseBytes } from '../../../crypto/he/linear.ts';
import { encryptLinear } from '../../../crypto/he/linear-jobs.ts';
import { inputCount, outputCount, spatialTiles } from '../../../crypto/he/pack.ts';
import { readLinear, respondLinear } from '../../../crypto/he/server-jobs.ts';
import { ServerEngine } from '../../../crypto/he/server-engine.ts';
import { linearParams } from '../../../crypto/params.ts';
import { randomWords, systemRng } from '../../../src/shared/random.ts';
import { convolution, randomWeights } from '../../helpers/protocol/convolution.ts';
import { heSession, heTools } from '../../helpers/protocol/he.ts';
import { seededRng } from '../../helpers/rng.ts';

afterEach(() => vi.restoreAllMocks());

type Kernel = (this: void, ...args: unknown[]) => unknown;
type Kernels = Readonly<Record<string, Kernel>>;

/** The kernels, each of which notes its name and arguments before it runs. */
function noting(kernels: Kernels, calls: string[]): Kernels {
  const entries = Object.entries(kernels).map(([name, kernel]): [string, Kernel] => [
    name,
    (...args) => {
      calls.push(`${name}(${args.join(', ')})`);
      return kernel(...args);
    },
  ]);
  return Object.fromEntries(entries);
}

/** The engine that works for a server's jobs in this thread, seen while `work` runs. */
function engineSeen(work: () => void): { kernels: Kernels } {
  const seen = vi.spyOn(ServerEngine.prototype, 'useKeys');
  work();
  const [engine] = seen.mock.contexts;
  seen.mockRestore();
  return engine as { kernels: Kernels };
}

const rng = seededRng('the same work');
const spec = convolution(8, 6, 70, 3);
const layout = layoutOf(spec);

test('the kernels are called alike whatever the weights: random ones, zeros, whole tiles of zeros', async () => {
  const { heap, secret, checked: keys } = await heSession(rng);
  const all = { heap, from: 0, to: inputCount(layout) };
  const request = new Uint8Array(linearRequestBytes(spec));
  const packed = randomWords(rng, linearParams.degree * inputCount(layout));
  encryptLinear({ ...all, secret, packed, request }, heTools);
  const inputs = growBy(heap.memory, inputCount(layout) * ciphertextSpace);
  readLinear({ ...all, request, inputs }, heTools);
  const response = new Uint8Array(linearResponseBytes(spec));
  const shares = new Uint32Array(linearParams.degree * outputCount(layout));
  const slots = new Uint32Array(layout.inputRanges.length * layout.outputRanges.length);
  const part = { from: 0, to: outputCount(layout), firstTile: 0, tiles: spatialTiles(layout) };
  const answer = (weights: Int32Array) => {
    const seeded = seededRng('answers');
    vi.spyOn(systemRng, 'bytes').mockImplementation((count) => seeded.bytes(count));
    respondLinear({ heap, spec, weights, slots, keys, response, shares, inputs, ...part }, heTools);
  };
  const random = randomWeights(rng, spec);
  const engine = engineSeen(() => answer(random));
  const { kernels } = engine;
  const callsFor = (weights: Int32Array): string[] => {
    const calls: string[] = [];
    engine.kernels = noting(kernels, calls);
    answer(weights);
    return calls;
  };
  const expected = callsFor(random);
  expect(expected.filter((call) => call.startsWith('multiplySum'))).not.toHaveLength(0);
  expect(callsFor(new Int32Array(random.length))).toEqual(expected);
  expect(callsFor(random.map((weight, i) => (i < random.length / 2 ? 0 : weight)))).toEqual(expected);
});
