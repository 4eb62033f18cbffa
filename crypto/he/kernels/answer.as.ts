// An answer's way from residues modulo Q to both parties' shares modulo 2^32.
import { BYTES, times } from './residues.as';

/**
 * c1 for the wire: round(2^40 c / Q) mod 2^40 as N low words, then N high bytes. c is given by its digits y_i
 * = c (Q / q_i)^-1 mod q_i, i < 3, at y, y + stride and y + 2 stride; `reciprocals` holds 1 / q_i. c / Q is
 * the sum of y_i / q_i mod 1, in doubles within 2^-49: a function of c alone.
 */
export function switchDown(y: usize, stride: usize, out: usize, reciprocals: usize): void {
  const f0 = v128.load64_splat(reciprocals), f1 = v128.load64_splat(reciprocals, 8);
  const f2 = v128.load64_splat(reciprocals, 16);
  const high = out + BYTES;
  for (let i: usize = 0; i < BYTES; i += 16) {
    const a = v128.load(y + i), b = v128.load(y + stride + i), c = v128.load(y + 2 * stride + i);
    const lo = fraction(a, b, c, f0, f1, f2);
    const hi = fraction(
      v128.shuffle<u64>(a, a, 1, 1), v128.shuffle<u64>(b, b, 1, 1), v128.shuffle<u64>(c, c, 1, 1), f0, f1, f2,
    );
    v128.store(out + i, v128.shuffle<u32>(lo, hi, 0, 2, 4, 6));
    const h = v128.shuffle<u32>(lo, hi, 1, 3, 5, 7);
    const bytes = v128.shuffle<u8>(h, h, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12);
    store<u32>(high + (i >> 2), i32x4.extract_lane(bytes, 0));
  }
}

// @ts-ignore: decorator
@inline
function fraction(a: v128, b: v128, c: v128, f0: v128, f1: v128, f2: v128): v128 {
  let x = f64x2.mul(f64x2.convert_low_i32x4_u(a), f0);
  x = f64x2.add(x, f64x2.mul(f64x2.convert_low_i32x4_u(b), f1));
  x = f64x2.add(x, f64x2.mul(f64x2.convert_low_i32x4_u(c), f2));
  // x is below 3. Times 2^40 its whole part lies above the 40 bits; the sum with 2^52 rounds to an integer.
  const scaled = f64x2.mul(x, f64x2.splat(1099511627776.0));
  return f64x2.add(scaled, f64x2.splat(4503599627370496.0));
}

/**
 * The server's share of the coefficients at `count` positions: round(2^32 c / Q - 2^-9) mod 2^32, from the
 * digits y_i of c as above. `constants` holds for each prime floor(2^62 / q_i), then its next 31 bits, then
 * 31 more.
 *
 * The three limbs fall short of the fraction by less than 2^-58 of a unit, and every element takes the same
 * time. With fewer limbs and an exact way out for elements near an edge, a client that sends crafted residues
 * would see from the time how many of its products fall there.
 */
export function share(
  y: usize, stride: usize, positions: usize, count: i32, out: usize, constants: usize,
): void {
  const h0 = load<u64>(constants), l0 = load<u64>(constants, 8), m0 = load<u64>(constants, 16);
  const h1 = load<u64>(constants, 24), l1 = load<u64>(constants, 32), m1 = load<u64>(constants, 40);
  const h2 = load<u64>(constants, 48), l2 = load<u64>(constants, 56), m2 = load<u64>(constants, 64);
  for (let n: usize = 0; n < <usize>count; n++) {
    const at = y + ((<usize>load<u32>(positions + (n << 2))) << 2);
    const a = <u64>load<u32>(at), b = <u64>load<u32>(at + stride), c = <u64>load<u32>(at + 2 * stride);
    const third = (a * m0 + b * m1 + c * m2) >> 31;
    const second = (a * l0 + b * l1 + c * l2 + third) >> 31;
    // 2^62 c / Q mod 2^62.
    const sum = a * h0 + b * h1 + c * h2 + second;
    // A half less 2^-9, which is half a step of the client's u / 2^8: it rounds half up, and so errors of
    // either sign are as likely.
    store<u32>(out + (n << 2), <u32>((sum + (<u64>1 << 29) - (<u64>1 << 21)) >> 30));
  }
}

/**
 * The client's share: floor((u + 2^7) / 2^8) mod 2^32 at `count` positions, u the integer, |u| < 2^52, with
 * the residues a [N] mod q0 and b [N] mod q1, q0 < q1; k = q0^-1 mod q1 with its quotient. Four at a time: up
 * to three more positions are read, and as many shares are written.
 */
export function clientShare(
  a: usize, b: usize, positions: usize, count: i32, out: usize, q0: u32, q1: u32, k: u32, kq: u32,
): void {
  const p0 = i32x4.splat(q0), p1 = i32x4.splat(q1), h = i32x4.splat(q1 >> 1);
  const w = i32x4.splat(k), wq = i32x4.splat(kq), round = i32x4.splat(128);
  const end = positions + ((<usize>count) << 2);
  for (; positions < end; positions += 16) {
    const at0 = (<usize>load<u32>(positions)) << 2, at1 = (<usize>load<u32>(positions, 4)) << 2;
    const at2 = (<usize>load<u32>(positions, 8)) << 2, at3 = (<usize>load<u32>(positions, 12)) << 2;
    const x = four(a + at0, a + at1, a + at2, a + at3), y = four(b + at0, b + at1, b + at2, b + at3);
    const r = times(i32x4.sub(i32x4.add(y, p1), x), w, wq, p1);
    // r is below q1 / 2 for u >= 0, and u = x + q0 r; otherwise u = x + q0 (r - q1).
    const s = i32x4.sub(r, v128.and(i32x4.gt_s(r, h), p1));
    const z = i32x4.add(x, round);
    const low = i64x2.add(i64x2.extmul_low_i32x4_s(s, p0), i64x2.extend_low_i32x4_u(z));
    const high = i64x2.add(i64x2.extmul_high_i32x4_s(s, p0), i64x2.extend_high_i32x4_u(z));
    v128.store(out, v128.shuffle<u32>(i64x2.shr_u(low, 8), i64x2.shr_u(high, 8), 0, 2, 4, 6));
    out += 16;
  }
}

// @ts-ignore: decorator
@inline
function four(a: usize, b: usize, c: usize, d: usize): v128 {
  const two = v128.load32_lane(b, v128.load32_zero(a), 1);
  return v128.load32_lane(d, v128.load32_lane(c, two, 2), 3);
}
