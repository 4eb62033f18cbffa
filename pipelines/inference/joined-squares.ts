import { productParams } from '../../crypto/params.ts';
import { productCount } from '../../crypto/steps/activation/messages.ts';
import { randomWords } from '../../src/shared/random.ts';
import type { Rng } from '../../src/shared/random.ts';
import { activationSteps } from '../plan/plan.ts';
import type { ActivationStep, Plan } from '../plan/plan.ts';

/**
 * A batch of squares. The products of the squares of all layers are made together, in the order of the steps,
 * because a message pays for whole ciphertexts of N = 8,192 elements and only the last one is padded. The
 * factors are uniform and depend on nothing, so the exchange starts with the offline phase. Each batch is one
 * request and one answer.
 */
export type SquareBatch = {
  /** The step of its first square, to which its bytes are counted. */
  readonly step: ActivationStep;
  /** The squares [first, first + count) of the plan. */
  readonly first: number;
  readonly count: number;
};

/**
 * Elements of a batch: 2.6 MB up and 3.7 MB down. It is large enough to give every thread of a pool work, and
 * small enough for a frame.
 */
const batchElements = 8 * productParams.degree;

/** The first square of each step among the plan's, and their number. Steps without squares are left out. */
function squareLayers(plan: Plan): { step: ActivationStep; first: number; count: number }[] {
  let first = 0;
  return activationSteps(plan).flatMap((step) => {
    const count = productCount(step.spec);
    first += count;
    return count === 0 ? [] : [{ step, first: first - count, count }];
  });
}

export function squareBatches(plan: Plan): SquareBatch[] {
  const layers = squareLayers(plan);
  const last = layers.at(-1);
  const total = last === undefined ? 0 : last.first + last.count;
  return Array.from({ length: Math.ceil(total / batchElements) }, (_, i) => {
    const first = i * batchElements;
    const { step } = layers.findLast((layer) => layer.first <= first)!;
    return { step, first, count: Math.min(batchElements, total - first) };
  });
}

/**
 * One party's factors of all squares of a plan, and its shares of the products as they arrive, for one
 * inference.
 */
export class JoinedSquares {
  readonly batches: readonly SquareBatch[];
  readonly #layers: ReturnType<typeof squareLayers>;
  readonly #factors: Uint32Array;
  readonly #shares: Uint32Array;
  readonly #filled: Promise<void>[] = [];

  constructor(plan: Plan, rng: Rng) {
    this.batches = squareBatches(plan);
    this.#layers = squareLayers(plan);
    const total = this.batches.reduce((sum, { count }) => sum + count, 0);
    this.#factors = randomWords(rng, total);
    this.#shares = new Uint32Array(total);
  }

  /** Runs the exchange of the next batch, from its factors to this party's shares of the products. */
  exchange(batch: SquareBatch, products: (factors: Uint32Array) => Promise<Uint32Array>): Promise<void> {
    const { first, count } = batch;
    const run = async () => {
      this.#shares.set(await products(this.#factors.slice(first, first + count)), first);
    };
    const filled = run();
    this.#filled.push(filled);
    // A failure reaches the caller, and everyone who waits for a layer.
    filled.catch(() => undefined);
    return filled;
  }

  /** A layer's factors; empty if it has no squares. */
  factors(step: ActivationStep): Uint32Array {
    const { first, count } = this.#layerOf(step);
    return this.#factors.slice(first, first + count);
  }

  /** A layer's shares of the products. Call it after all its batches have started. */
  async shares(step: ActivationStep): Promise<Uint32Array> {
    const { first, count } = this.#layerOf(step);
    const covering = this.batches.flatMap((batch, i) =>
      batch.first < first + count && first < batch.first + batch.count ? [this.#filled[i]!] : [],
    );
    await Promise.all(covering);
    return this.#shares.slice(first, first + count);
  }

  #layerOf(step: ActivationStep) {
    return this.#layers.find((layer) => layer.step === step) ?? { first: 0, count: 0 };
  }
}
