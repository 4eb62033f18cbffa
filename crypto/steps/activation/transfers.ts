import { wordKeys } from '../../sign/keys.ts';
import { batchesOf, clientBatchKeys, serverBatchKeys, transfersOf } from '../../sign/batch.ts';
import type { ClientBatchKeys, ServerBatchKeys } from '../../sign/batch.ts';
import { rowWords } from '../../ot/transfers.ts';
import type { ChosenRows, KeyPairs, OfferedRows } from '../../ot/transfers.ts';
import type { OtClient, OtServer } from '../../ot/session.ts';
import type { Planes } from '../../ring/planes.ts';
import { loadPlanes } from '../../ring/planes.ts';
import type { ActivationSpec } from '../../spec.ts';
import { countElements } from './layer.ts';
import { clientTransfers } from './messages.ts';
import { windowBits } from './window.ts';

/**
 * The transfers of an activation layer, hashed to keys. They depend on no share, so both parties make them
 * ahead, for all layers of an inference: in the order of the steps, one layer after the other.
 */
export type ClientKeys = {
  /** C's random choices, one bit a byte: rot1, then the truncations of each kind. */
  readonly choices: Uint8Array;
  /** The keys that C chose. */
  readonly chosen: Uint32Array;
  /** Of each batch of sign tests. */
  readonly batches: readonly ClientBatchKeys[];
};

export type ServerKeys = {
  /** Both keys of each transfer in which C chooses. */
  readonly offered: KeyPairs;
  readonly batches: readonly ServerBatchKeys[];
};

export async function clientKeys(ot: OtClient, spec: ActivationSpec): Promise<ClientKeys> {
  const planes = await loadPlanes();
  const rows = await ot.choosing.take(clientTransfers(spec));
  const chosen = keysOf(planes, ot.choosing.salt, rows);
  const { salt, delta } = ot.offering;
  const bits = windowBits(spec.relu);
  const batches: ClientBatchKeys[] = [];
  for (const size of signBatches(spec)) {
    const offered = await ot.offering.take(size * transfersOf(bits));
    batches.push(clientBatchKeys(planes, bits, size, salt, delta, offered));
  }
  return { choices: choicesOf(rows), chosen, batches };
}

export async function serverKeys(ot: OtServer, spec: ActivationSpec): Promise<ServerKeys> {
  const planes = await loadPlanes();
  const { salt, delta } = ot.offering;
  const rows = await ot.offering.take(clientTransfers(spec));
  const [k0, k1] = wordKeys(planes, salt, rows, [new Uint32Array(rowWords), delta]);
  const bits = windowBits(spec.relu);
  const batches: ServerBatchKeys[] = [];
  for (const size of signBatches(spec)) {
    const chosen = await ot.choosing.take(size * transfersOf(bits));
    batches.push(serverBatchKeys(planes, bits, size, ot.choosing.salt, chosen));
  }
  return { offered: { k0: k0!, k1: k1! }, batches };
}

function signBatches({ kinds }: ActivationSpec): number[] {
  return batchesOf(countElements(kinds).relu);
}

function keysOf(planes: Planes, salt: Uint8Array, rows: OfferedRows): Uint32Array {
  return wordKeys(planes, salt, rows, [new Uint32Array(rowWords)])[0]!;
}

/** One bit a byte. */
function choicesOf({ rows, choices }: ChosenRows): Uint8Array {
  return Uint8Array.from({ length: rows.length / rowWords }, (_, i) => (choices[i >>> 3]! >>> (i & 7)) & 1);
}
