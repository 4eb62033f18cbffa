import { expect, test } from 'vitest';
import { chooseLayout, costSeconds, layoutCost, layoutOf } from '../../../crypto/he/layout.ts';
import { partBytes } from '../../../crypto/channel/parts.ts';
import { exchangesOf, exchangeSizes, requestBytesOf, responseBytesOf } from '../../../crypto/he/exchange.ts';
import { inputsReaching, outputCount, outputPositions, spatialTiles } from '../../../crypto/he/pack.ts';
import { packInput, packWeights, placeOutputs } from '../../../crypto/he/pack.ts';
import type { Layout } from '../../../crypto/he/pack.ts';
import { inputElements, outputElements, outputSize } from '../../../crypto/spec.ts';
import type { LinearSpec } from '../../../crypto/spec.ts';
import { PlanError } from '../../../src/shared/errors.ts';
import { randomWords } from '../../../src/shared/random.ts';
import {
  convolution,
  directConvolution,
  randomSpec,
  randomWeights,
} from '../../helpers/protocol/convolution.ts';
import { seededRng } from '../../helpers/rng.ts';

/** target += a b mod X^N + 1, mod 2^32. */
function addNegacyclic(target: Uint32Array, a: Uint32Array, b: Int32Array): void {
  const n = a.length;
  for (let j = 0; j < n; j++) {
    if (b[j] === 0) continue;
    for (let i = 0; i < n; i++) {
      const product = Math.imul(a[i]!, b[j]!);
      const to = i + j;
      if (to < n) target[to] = target[to]! + product;
      else target[to - n] = target[to - n]! - product;
    }
  }
}

/** The convolution as the two parties compute it, with plain polynomials in place of ciphertexts. */
function packedConvolution(layout: Layout, weights: Int32Array, input: Uint32Array, elements: number) {
  const result = new Uint32Array(elements);
  let products = 0;
  for (let index = 0; index < outputCount(layout); index++) {
    const tile = Math.floor(index / layout.outputRanges.length);
    const output = index % layout.outputRanges.length;
    const sum = new Uint32Array(layout.degree);
    for (const i of inputsReaching(layout, output)) {
      products++;
      const packed = packInput(layout, input, tile * layout.inputRanges.length + i);
      const kernel = new Int32Array(layout.degree);
      packWeights(layout, weights, i, output, kernel);
      addNegacyclic(sum, packed, kernel);
    }
    const values = outputPositions(layout, index).map((position) => sum[position]!);
    placeOutputs(layout, index, values, result);
  }
  return { result, products };
}

test('packed convolutions equal direct ones for random shapes', () => {
  const rng = seededRng('pack');
  let tiled = 0;
  let grouped = 0;
  for (let i = 0; i < 400; i++) {
    const spec = randomSpec(rng);
    const layout = chooseLayout(spec, i % 2 === 0 ? 256 : 64);
    const input = randomWords(rng, inputElements(spec));
    const weights = randomWeights(rng, spec);
    const { result, products } = packedConvolution(layout, weights, input, outputElements(spec));
    expect(result, JSON.stringify(spec)).toEqual(directConvolution(spec, weights, input));
    expect(products).toBe(layoutCost(layout).products);
    if (layout.grid[0] * layout.grid[1] > 1) tiled++;
    if (spec.group > 1) grouped++;
  }
  // The property is worth something only where the interesting cases came up.
  expect(tiled).toBeGreaterThan(10);
  expect(grouped).toBeGreaterThan(10);
});

/** The least cost over all sizes of tiles of a convolution without groups and padding that is not 1 x 1, one by one. */
function leastCost(spec: LinearSpec, degree: number): number {
  const [rows, columns] = outputSize(spec);
  const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1);
  const read = (axis: 0 | 1, size: number) => (size - 1) * spec.strides[axis] + spec.kernel[axis];
  let least = Infinity;
  for (const height of upTo(rows)) {
    for (const width of upTo(columns)) {
      const tiles = Math.ceil(rows / height) * Math.ceil(columns / width);
      for (const wide of upTo(spec.inChannels)) {
        for (const out of upTo(spec.outChannels)) {
          if (wide * out * read(0, height) * read(1, width) > degree) continue;
          const inputs = Math.ceil(spec.inChannels / wide) * tiles;
          const outputs = Math.ceil(spec.outChannels / out) * tiles;
          const products = (inputs * outputs) / tiles;
          least = Math.min(least, costSeconds({ inputs, outputs, products }));
        }
      }
    }
  }
  return least;
}

test('the layout chosen costs what the cheapest of all sizes of tiles costs', () => {
  const rng = seededRng('cheapest');
  for (let i = 0; i < 60; i++) {
    const [inChannels, outChannels, size, kernel, stride] = [...randomWords(rng, 5)].map((word) => word % 6);
    const plain = convolution(3 * inChannels! + 1, 2 * outChannels! + 1, size! + 6, (kernel! % 4) + 2);
    const spec: LinearSpec = { ...plain, strides: [(stride! % 2) + 1, 1], pads: [0, 0, 0, 0] };
    const degree = i % 2 === 0 ? 256 : 64;
    const cost = costSeconds(layoutCost(chooseLayout(spec, degree)));
    expect(cost, JSON.stringify(spec)).toBe(leastCost(spec, degree));
  }
});

test('fully connected layers wider than a ciphertext are cut into blocks', () => {
  const rng = seededRng('fc');
  const spec = convolution(700, 30, 1, 1);
  const layout = chooseLayout(spec, 256);
  expect(layout.inputRanges.length).toBeGreaterThan(2);
  const input = randomWords(rng, 700);
  const weights = randomWeights(rng, spec);
  expect(packedConvolution(layout, weights, input, 30).result).toEqual(
    directConvolution(spec, weights, input),
  );
});

test('a 1 x 1 kernel with a stride packs only the pixels it reads', () => {
  const layout = chooseLayout(convolution(16, 32, 28, 1, 2), 4096);
  expect(layout.inputTile[0] * layout.inputTile[1]).toBeLessThanOrEqual(14 * 14);
  expect(layoutCost(layout).products).toBeLessThanOrEqual(32);
});

test.each([
  ['8 x 8 channels of 7 x 7 fill a ciphertext to the last coefficient', convolution(8, 8, 7, 3), 4096],
  ['a 5 x 5 kernel', convolution(3, 4, 6, 5), 1024],
  ['a stride that leaves the last row unread', { ...convolution(4, 4, 8, 3, 3), pads: [1, 0, 0, 2] }, 512],
  ['padding on one side only', { ...convolution(3, 5, 5, 2), pads: [0, 1, 1, 0] }, 450],
] satisfies [string, LinearSpec, number][])('shared padding: %s', (_, spec, degree) => {
  const rng = seededRng('shared');
  const layout = chooseLayout(spec, degree);
  const input = randomWords(rng, inputElements(spec));
  const weights = randomWeights(rng, spec);
  const { result } = packedConvolution(layout, weights, input, outputElements(spec));
  expect(result).toEqual(directConvolution(spec, weights, input));
});

test('sharing the padding lets 64 channels of 7 x 7 into one ciphertext', () => {
  const spec = convolution(64, 64, 7, 3);
  expect(layoutCost(chooseLayout(spec, 4096)).products).toBe(64);
});

test('noise leaves room for wide layers: answers of 512 to 512 channels at 4 x 4 hold several channels', () => {
  const spec = { ...convolution(512, 512, 4, 3), weightBits: 10 };
  // Of worst-case weights, 131 channels fit by the mean of the noise and 1 by its tail.
  expect(chooseLayout(spec, 4096).outputChannels).toBeGreaterThan(1);
});

test('every output is found once', () => {
  const spec = convolution(5, 7, 40, 3);
  const layout = chooseLayout(spec, 512);
  const seen = new Uint8Array(outputElements(spec));
  for (let i = 0; i < outputCount(layout); i++) {
    const own = new Uint32Array(seen.length);
    placeOutputs(layout, i, outputPositions(layout, i).fill(1), own);
    own.forEach((count, element) => (seen[element]! += count));
  }
  expect(seen.every((count) => count === 1)).toBe(true);
});

test('a layer may have any number of exchanges; one place of its kernel must fit the memory of the threads', () => {
  // 1.3 GB in all.
  const wide = layoutOf(convolution(3, 16, 512, 55));
  expect(requestBytesOf(wide) + responseBytesOf(wide)).toBe(382_818_384 + 877_854_720);
  const exchanges = exchangesOf(wide);
  expect(exchanges.length).toBeGreaterThan(100);
  let next = 0;
  for (const exchange of exchanges) {
    expect(exchange.firstTile).toBe(next);
    next += exchange.tiles;
    const { requestBytes, responseBytes } = exchangeSizes(wide, exchange);
    expect(Math.max(requestBytes, responseBytes)).toBeLessThanOrEqual(partBytes);
  }
  expect(next).toBe(spatialTiles(wide));
  const deep = { ...convolution(12_000, 1, 64, 64), weightBits: 1 };
  expect(() => layoutOf(deep)).toThrow(PlanError);
  expect(() => layoutOf(deep)).toThrow(
    /^convolution 12000 -> 1, 64 x 64, .*: one place of its kernel takes 1,774,356,864 bytes with all channels, and at most 1,073,741,824 are held at once; use smaller kernels/,
  );
  expect(() => layoutOf({ ...deep, inChannels: 7_000 })).not.toThrow();
});

test('what cannot be packed is refused with a reason', () => {
  const spec = convolution(2, 2, 28, 3);
  expect(() => chooseLayout({ ...spec, kernel: [17, 17] }, 256)).toThrow(/more pixels than a ciphertext/);
  expect(() => chooseLayout({ ...spec, weightBits: 20 }, 4096)).toThrow(/bits too few/);
  expect(() => chooseLayout({ ...spec, group: 3 }, 4096)).toThrow(PlanError);
  expect(() => chooseLayout({ ...spec, kernel: [31, 31] }, 4096)).toThrow(PlanError);
  expect(() => chooseLayout({ ...spec, strides: [0, 1] }, 4096)).toThrow(PlanError);
});
