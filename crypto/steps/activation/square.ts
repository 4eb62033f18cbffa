/**
 * y = sign z^2 + constant, where z = z_C + z_S, in wire order. Offline the parties got shares of a product
 * (crypto/products): C has u and P_C, S has a and P_S, where u and a are uniform and P_C + P_S = u a (a
 * Beaver product: Beaver, CRYPTO 1991).
 *
 *   S: d = z_S - a      C: y_C = sign (z_C^2 + 2 (z_C d + P_C))
 *   C: e = z_C - u      S: y_S = sign (z_S^2 + 2 (e a + P_S)) + constant
 */
export type ClientProduct = { readonly u: Uint32Array; readonly product: Uint32Array };
export type ServerProduct = { readonly a: Uint32Array; readonly product: Uint32Array };

/** C's share of y, [n]. `sign` is +1 or -1 per element. */
export function clientSquare(
  zC: Uint32Array,
  { product }: ClientProduct,
  d: Uint32Array,
  sign: Int32Array,
): Uint32Array {
  return squareShare(zC, zC, d, product, sign);
}

/** S's share of y before the constant, [n]. */
export function serverSquare(
  zS: Uint32Array,
  { a, product }: ServerProduct,
  e: Uint32Array,
  sign: Int32Array,
): Uint32Array {
  return squareShare(zS, a, e, product, sign);
}

/** sign (z^2 + 2 (factor * opened + product)) mod 2^32 */
function squareShare(
  z: Uint32Array,
  factor: Uint32Array,
  opened: Uint32Array,
  product: Uint32Array,
  sign: Int32Array,
): Uint32Array {
  const share = new Uint32Array(z.length);
  for (let i = 0; i < share.length; i++) {
    const cross = Math.imul(factor[i]!, opened[i]!) + product[i]!;
    share[i] = Math.imul(sign[i]!, Math.imul(z[i]!, z[i]!) + 2 * cross);
  }
  return share;
}
