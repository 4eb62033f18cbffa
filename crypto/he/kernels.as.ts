// Arithmetic of BFV modulo primes q, 2^30 < q < 2^31, q = 1 mod 2N, N = 4096, in AssemblyScript with SIMD.
// Pointers are byte offsets into the imported memory, whose layout the typed wrapper beside this file
// decides. Residues are u32 below q; 'centred' ones are i32 of absolute value below q / 2, and 'lazy' ones
// u32 below 2q. The transform is that of SEAL 4.1 (same root, same order), so every result can be held to
// SEAL's bit for bit.
//
// No branch and no address depends on a secret, but those of rejection sampling, which are independent of
// what is kept.
//
// `build:kernels` makes a module of each `*.as.ts` that lies directly in a room of `crypto`; this one is made
// of the files in `kernels/`.

export { clear } from './kernels/memory.as';
export { ntt, nttSmall, centre } from './kernels/transform.as';
export { intt } from './kernels/inverse.as';
export { multiplySum } from './kernels/products.as';
export { lift, binomial, ternary, uniform } from './kernels/sampling.as';
export { place, quotients, subtractProduct, product, addError } from './kernels/encryption.as';
export { pack31, unpack31, residuesOf40 } from './kernels/packing.as';
export { switchDown, share, clientShare } from './kernels/answer.as';
