import type { Model } from '../../../models/graph.ts';
import type { Sample } from '../polynomials/moments.ts';
import { replacedElements } from '../../../models/passes/replaced-elements.ts';
import { allRelusOf, usePolynomials } from '../polynomials/replace.ts';
import type { LayerChoices, LayerOptions } from './choose.ts';

/**
 * The untrained network of some choices. Polynomials are fitted to the sample; in a layer that vanishes all
 * elements are identities.
 */
export async function candidateNetwork(
  model: Model,
  layers: readonly LayerOptions[],
  choices: LayerChoices,
  sample: Sample,
): Promise<Model> {
  const whole = allRelusOf(
    model,
    layers.map(({ layer }) => layer),
  );
  const replaced = choices.layers.map((own, l) => {
    const { layer } = layers[l]!;
    return [layer, own.kind === 'vanished' ? whole.get(layer)! : own.replaced] as const;
  });
  const kinds = choices.layers.map((own, l) => {
    const { layer, replacements } = layers[l]!;
    return [layer, own.kind === 'vanished' ? 'identity' : replacements[own.replacement]!.name] as const;
  });
  return usePolynomials(model, replacedElements(replaced), sample, new Map(kinds));
}

/** Says in a sentence why a layer is what it is. */
export function reasonOf(
  layer: string,
  layers: readonly LayerOptions[],
  choices: LayerChoices,
  describe: (price: number) => string,
): string {
  const at = layers.findIndex((own) => own.layer === layer);
  if (at === -1) return 'it had no ReLUs';
  const { reluPrice, layerPrice, vanishLoss, replacements } = layers[at]!;
  const own = choices.layers[at]!;
  const prices = `a ReLU costs ${describe(reluPrice)}, the layer itself ${describe(layerPrice)}`;
  if (own.kind === 'vanished') return `it vanishes for a loss of ${vanishLoss.toPrecision(2)}: ${prices}`;
  const { name, losses, price } = replacements[own.replacement]!;
  const count = own.replaced.reduce((sum, one) => sum + one, 0);
  if (count === 0) return `kept: ${prices}`;
  const loss = own.replaced.reduce((sum, one, e) => sum + (one === 1 ? losses[e]! : 0), 0);
  const became = `${count} ReLUs are ${name} at ${describe(price)} each`;
  return `${became}, for a loss of ${loss.toPrecision(2)}: ${prices}`;
}
