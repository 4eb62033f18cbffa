import { expect } from 'vitest';
import { carriedBy } from '../../../crypto/ot/silent-sets.ts';
import type { SilentSet } from '../../../crypto/ot/silent-sets.ts';
import {
  checkProof,
  chooseSilently,
  offerSilently,
  proofOf,
  provenValue,
} from '../../../crypto/ot/silent.ts';
import type { Chosen, Offered, SilentTurn } from '../../../crypto/ot/silent.ts';
import { loadColumns } from '../../../crypto/ring/columns.ts';
import { loadSilent } from '../../../crypto/ring/silent.ts';
import type { Indices } from '../../../crypto/ring/silent.ts';
import { ProtocolError } from '../../../src/shared/errors.ts';
import { randomWords } from '../../../src/shared/random.ts';
import type { Rng } from '../../../src/shared/random.ts';
import { seededRng } from '../../helpers/rng.ts';

/** The seed of the code. */
export const code = seededRng('code').bytes(16);
export const silent = await loadSilent();
export const columns = await loadColumns();

type Carried = { readonly offered: Uint32Array<ArrayBuffer>; readonly chosen: Uint32Array<ArrayBuffer> };

/** Rows as a trusted party deals them: q = r + u Delta, bit 0 of r is u and of q is 0. */
function dealt(count: number, delta: Uint32Array, rng: Rng): Carried {
  const chosen = randomWords(rng, 4 * count);
  const offered = chosen.map((word, i) => word ^ (-(chosen[i & ~3]! & 1) & delta[i & 3]!));
  return { offered, chosen };
}

export function drawDelta(rng: Rng): Uint32Array {
  const delta = randomWords(rng, 4);
  delta[0]! |= 1;
  return delta;
}

/** Both parties of a direction, in this thread. */
export class Pair {
  readonly rng: Rng;
  readonly delta: Uint32Array;
  readonly transcript: Uint8Array;
  carried: Carried;
  history: Uint8Array;
  iteration = 0;
  /** Of the party that offers, and of the one that chooses. */
  readonly indices: readonly [Indices, Indices];

  constructor(seed: string, set: SilentSet, indices: readonly [Indices, Indices] = ['kept', 'kept']) {
    this.indices = indices;
    this.rng = seededRng(seed);
    this.delta = drawDelta(this.rng);
    this.transcript = this.rng.bytes(32);
    this.carried = dealt(carriedBy(set), this.delta, this.rng);
    this.history = this.transcript;
  }

  turn(set: SilentSet): Omit<SilentTurn, 'carried'> {
    const { transcript, history, iteration } = this;
    return { transcript, code, set, iteration, history, indices: this.indices[0] };
  }

  run(
    set: SilentSet,
    cheat: (corrections: Uint8Array) => void = () => undefined,
  ): { offered: Offered; chosen: Chosen; corrections: Uint8Array } {
    const turn = this.turn(set);
    const offered = offerSilently(
      silent,
      columns,
      { ...turn, carried: this.carried.offered.slice() },
      this.delta,
      this.rng,
    );
    const corrections = offered.corrections.slice();
    cheat(corrections);
    const chosen = chooseSilently(
      silent,
      columns,
      { ...turn, indices: this.indices[1], carried: this.carried.chosen.slice() },
      corrections,
    );
    this.carried = { offered: offered.carried, chosen: chosen.carried };
    this.history = chosen.history;
    this.iteration++;
    return { offered, chosen, corrections };
  }

  isProved({ offered, chosen }: { offered: Offered; chosen: Chosen }): boolean {
    const proof = proofOf(this.transcript, 0, [provenValue(offered.value, chosen.masked, this.delta)]);
    try {
      checkProof(proofOf(this.transcript, 0, [chosen.value]), proof);
      return true;
    } catch (error) {
      expect(error).toBeInstanceOf(ProtocolError);
      return false;
    }
  }
}
