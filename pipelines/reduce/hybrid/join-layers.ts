import type { Model } from '../../../models/graph.ts';
import { isBetweenConvolutions, joinConvolutions } from '../../../models/passes/merges/join-convolutions.ts';
import type { Sample } from '../polynomials/moments.ts';
import { activationMoments } from '../polynomials/moments.ts';
import { renormaliseAll } from '../polynomials/renormalise.ts';
import { allRelusOf, withPolynomials } from '../polynomials/replace.ts';

/** A network without some layers, and those of them that are still there. */
export type JoinedNetwork = { readonly model: Model; readonly left: readonly string[] };

/**
 * Removes layers of ReLUs that lie between two convolutions, and makes one convolution of the two. So the
 * network has a layer less, and the protocol a round trip. Lines that are fitted to the sample take the place
 * of the ReLUs first, one layer after the other, and running statistics are measured anew at the end. Layers
 * with other neighbours are left as they are.
 */
export async function joinLayers(
  model: Model,
  layers: readonly string[],
  sample: Sample,
): Promise<JoinedNetwork> {
  let joined = model;
  const left: string[] = [];
  for (const layer of layers) {
    // Lines take a run over the sample.
    const next = isBetweenConvolutions(joined, layer)
      ? joinConvolutions(joined, layer, await linesOf(joined, layer, sample))
      : undefined;
    if (next === undefined) left.push(layer);
    else joined = next;
  }
  return { model: joined === model ? model : await renormaliseAll(joined, sample), left };
}

/** The line of each channel that is closest to what the layer computes. */
async function linesOf(model: Model, layer: string, sample: Sample) {
  const moments = (await activationMoments(model, [layer], sample)).get(layer)!;
  const all = allRelusOf(model, [layer]).get(layer)!;
  const { weights } = withPolynomials(model, layer, all, moments, 'affine');
  const of = (name: string) => Float64Array.from(weights.get(`${layer}.${name}`)!.data);
  return { slope: of('c1'), shift: of('c0') };
}
