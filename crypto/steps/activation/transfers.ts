import { concatenate, concatenateWords, unpackBits } from '../../bits.ts';
import { productTransfers } from '../../products/products.ts';
import type { ServerProductKeys } from '../../products/products.ts';
import type { OtClient, OtServer } from '../../ot/session.ts';
import type { ChoosingTransfers, KeyPairs, OfferingTransfers } from '../../ot/transfers.ts';
import { loadPlanes } from '../../ring/planes.ts';
import { batchesOf, transfersOf } from '../../sign/batch.ts';
import type { ClientBatchKeys, ServerBatchKeys } from '../../sign/batch.ts';
import { noOffset, wordKeys } from '../../sign/keys.ts';
import type { ActivationSpec } from '../../spec.ts';
import { randomWords } from '../../../src/shared/random.ts';
import { release } from '../../../src/shared/release.ts';
import type { Rng } from '../../../src/shared/random.ts';
import { takenInOrder } from './in-order.ts';
import { joinedWords } from './joined-words.ts';
import { checkedCounts } from './layer.ts';
import { clientTransfers } from './messages.ts';
import { windowBits } from './window.ts';
import type { ClientActivationWork, ServerActivationWork } from './work.ts';

/**
 * The transfers of an activation layer, hashed to keys. They depend on no share, so both parties make them
 * ahead, for all layers of an inference: for each direction in the order of the steps, one layer after the
 * other. The two directions do not wait for each other.
 */
export type ClientKeys = ClientChosenKeys & ClientOfferedKeys;

/** Of the transfers in which S chooses: those of the sign tests, then those of the products of squares. */
export type ClientOfferedKeys = {
  /** Of each batch of sign tests. */
  readonly batches: readonly ClientBatchKeys[];
  readonly products: ClientProductKeys;
};

/** C's factors of the squares and its shares of the products, [squares], and the corrections for S. */
export type ClientProductKeys = {
  readonly u: Uint32Array;
  readonly product: Uint32Array;
  readonly corrections: Uint8Array;
};

/** Of the transfers in which C chooses: rot1 of each ReLU, then the truncations of each kind. */
export type ClientChosenKeys = {
  /** C's random choices, one bit a byte. */
  readonly choices: Uint8Array;
  /** The keys that C chose. */
  readonly chosen: Uint32Array;
};

export type ServerKeys = ServerChosenKeys & {
  /** Both keys of each transfer in which C chooses. */
  readonly offered: KeyPairs;
};

export type ServerChosenKeys = {
  readonly batches: readonly ServerBatchKeys[];
  /** Of each batch of squares. */
  readonly products: readonly ServerProductKeys[];
};

export async function clientChosenKeys(
  choosing: ChoosingTransfers,
  spec: ActivationSpec,
): Promise<ClientChosenKeys> {
  const planes = await loadPlanes();
  const [choices, chosen]: [Uint8Array[], Uint32Array[]] = [[], []];
  for (const count of piecesOf(clientTransfers(spec))) {
    const rows = await choosing.take(count);
    choices.push(unpackBits(rows.choices, count, 'choices'));
    chosen.push(...wordKeys(planes, choosing.salt, rows, [noOffset]));
    release(rows.rows);
  }
  const keys = { choices: concatenate(choices), chosen: joinedWords(chosen) };
  release(...choices);
  return keys;
}

/** S's keys of the same transfers. */
export async function serverOfferedKeys(
  offering: OfferingTransfers,
  spec: ActivationSpec,
): Promise<KeyPairs> {
  const planes = await loadPlanes();
  const { salt, delta } = offering;
  const pairs: { k0: Uint32Array[]; k1: Uint32Array[] } = { k0: [], k1: [] };
  for (const count of piecesOf(clientTransfers(spec))) {
    const rows = await offering.take(count);
    const [k0, k1] = wordKeys(planes, salt, rows, [noOffset, delta]);
    release(rows.rows);
    pairs.k0.push(k0!);
    pairs.k1.push(k1!);
  }
  return { k0: joinedWords(pairs.k0), k1: joinedWords(pairs.k1) };
}

/** C's keys of the transfers in which S chooses. `rng` draws the factors of the squares. */
export async function clientOfferedKeys(
  offering: OfferingTransfers,
  spec: ActivationSpec,
  work: ClientActivationWork,
  rng: Rng,
): Promise<ClientOfferedKeys> {
  const bits = windowBits(spec.relu);
  const { salt, delta } = offering;
  const { relu, square } = checkedCounts(spec);
  const batches = await takenInOrder(batchesOf(relu), batchesInWork, async (size) => {
    const rows = await offering.take(size * transfersOf(bits));
    return () => work.clientKeys({ windowBits: bits, size, salt, delta, rows });
  });
  const u = randomWords(rng, square);
  let at = 0;
  const products = await takenInOrder(batchesOf(square), batchesInWork, async (size) => {
    const rows = await offering.take(size * productTransfers);
    const own = u.subarray(at, (at += size));
    return () => work.clientProducts({ salt, delta, rows, u: own });
  });
  return {
    batches,
    products: {
      u,
      product: concatenateWords(products.map(({ share }) => share)),
      corrections: concatenate(products.map(({ corrections }) => corrections)),
    },
  };
}

/** S's keys of the same transfers. */
export async function serverChosenKeys(
  choosing: ChoosingTransfers,
  spec: ActivationSpec,
  work: ServerActivationWork,
): Promise<ServerChosenKeys> {
  const bits = windowBits(spec.relu);
  const { salt } = choosing;
  const { relu, square } = checkedCounts(spec);
  const batches = await takenInOrder(batchesOf(relu), batchesInWork, async (size) => {
    const rows = await choosing.take(size * transfersOf(bits));
    return () => work.serverKeys({ windowBits: bits, size, salt, rows });
  });
  const products = await takenInOrder(batchesOf(square), batchesInWork, async (size) => {
    const rows = await choosing.take(size * productTransfers);
    return () => work.serverProductKeys({ size, salt, rows });
  });
  return { batches, products };
}

/** The keys of one layer, where it is the only one. */
export async function clientKeys(
  ot: OtClient,
  spec: ActivationSpec,
  work: ClientActivationWork,
  rng: Rng,
): Promise<ClientKeys> {
  const [chosen, offered] = await Promise.all([
    clientChosenKeys(ot.choosing, spec),
    clientOfferedKeys(ot.offering, spec, work, rng),
  ]);
  return { ...chosen, ...offered };
}

export async function serverKeys(
  ot: OtServer,
  spec: ActivationSpec,
  work: ServerActivationWork,
): Promise<ServerKeys> {
  const [offered, chosen] = await Promise.all([
    serverOfferedKeys(ot.offering, spec),
    serverChosenKeys(ot.choosing, spec, work),
  ]);
  return { offered, ...chosen };
}

/** Batches whose rows are out of their block and not yet hashed: 1.5 MB each, enough to keep threads busy. */
const batchesInWork = 8;

/** Rows that are hashed at once: 32 bytes each in the kernels' memory. */
const pieceRows = 2 ** 16;

function piecesOf(count: number): number[] {
  const pieces = Math.ceil(count / pieceRows);
  return Array.from({ length: pieces }, (_, i) => Math.min(pieceRows, count - i * pieceRows));
}
