import sodium from 'libsodium-wrappers-sumo';
import { isIdentity } from './group.ts';
import type { ReceiverGroup, SenderGroup } from './group.ts';

/**
 * The group by libsodium in WASM, whose products take the same steps whatever the scalar is. The 128
 * transfers of a session take it 66 and 91 ms, and noble-group.ts 392 and 765: receiver and sender, in turn,
 * on a loaded AMD EPYC.
 */
export async function sodiumGroup(): Promise<SenderGroup & ReceiverGroup> {
  await sodium.ready;
  return { scalar, multiple, multipleLess, multiplesOf, multipleOfSum };
}

const scalar: SenderGroup['scalar'] = (uniform) => sodium.crypto_core_ristretto255_scalar_reduce(uniform);

const multiple: SenderGroup['multiple'] = (s) => sodium.crypto_scalarmult_ristretto255_base(s);

const multipleLess: ReceiverGroup['multipleLess'] = (s, uniform) =>
  sodium.crypto_core_ristretto255_sub(multiple(s), mapped(uniform));

const multiplesOf: ReceiverGroup['multiplesOf'] = (point) =>
  isElement(point) ? (s) => sodium.crypto_scalarmult_ristretto255(s, point) : undefined;

const multipleOfSum: SenderGroup['multipleOfSum'] = (s, point, uniform) => {
  if (!isElement(point)) return undefined;
  const sum = sodium.crypto_core_ristretto255_add(point, mapped(uniform));
  // A peer that deviates can choose this sum. libsodium refuses to multiply the identity.
  return isIdentity(sum) ? sum : sodium.crypto_scalarmult_ristretto255(s, sum);
};

function mapped(uniform: Uint8Array): Uint8Array {
  return sodium.crypto_core_ristretto255_from_hash(uniform);
}

function isElement(point: Uint8Array): boolean {
  return sodium.crypto_core_ristretto255_is_valid_point(point) && !isIdentity(point);
}
