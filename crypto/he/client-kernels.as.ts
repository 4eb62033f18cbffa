// The kernels that a client's threads call, for pages: those of kernels.as.ts without what only a server needs.

export { clear } from './kernels/memory.as';
export { ntt } from './kernels/transform.as';
export { intt } from './kernels/inverse.as';
export { binomial, uniform } from './kernels/sampling.as';
export { place, quotients, subtractProduct, product } from './kernels/encryption.as';
export { pack31, residuesOf40 } from './kernels/packing.as';
export { clientShare } from './kernels/answer.as';
