import type { LeftOut, Model } from '../../../models/graph.ts';
import type { Sample } from '../polynomials/moments.ts';
import { replacedElements } from '../../../models/passes/replaced-elements.ts';
import { allRelusOf, usePolynomials } from '../polynomials/replace.ts';
import { reluPriceIn } from './choose.ts';
import type { LayerChoices, LayerOptions, ReplacementOption } from './choose.ts';
import { joinLayers } from './join-layers.ts';

/**
 * The untrained network of some choices. Polynomials are fitted to the sample. The convolutions around a
 * layer that vanishes become one (see `joinLayers`), or its elements identities. The graph says which bits
 * sign tests leave out.
 */
export async function candidateNetwork(
  model: Model,
  layers: readonly LayerOptions[],
  choices: LayerChoices,
  sample: Sample,
): Promise<Model> {
  const vanished = choices.layers.flatMap(({ kind }, l) => (kind === 'vanished' ? [layers[l]!.layer] : []));
  const { model: joined, left } = await joinLayers(model, vanished, sample);
  const mixed = choices.layers.flatMap((own, l) => {
    if (own.kind === 'vanished') return [];
    const { layer, replacements } = layers[l]!;
    return [{ layer, replaced: own.replaced, kind: replacements[own.replacement]!.name }];
  });
  const whole = [...allRelusOf(joined, left)];
  const replaced = [...whole, ...mixed.map((own) => [own.layer, own.replaced] as const)];
  const identities = left.map((layer) => [layer, 'identity'] as const);
  const kinds = [...identities, ...mixed.map((own) => [own.layer, own.kind] as const)];
  const made = await usePolynomials(joined, replacedElements(replaced), sample, new Map(kinds));
  return leavingOut(made, leftOutBy(layers, choices));
}

function leftOutBy(layers: readonly LayerOptions[], choices: LayerChoices): LeftOut {
  const entries = choices.layers.flatMap((own, l) => {
    const tests = own.kind === 'vanished' ? undefined : layers[l]!.replacements[own.replacement]!.tests;
    return tests === undefined ? [] : [[layers[l]!.layer, tests.leftOut] as const];
  });
  return Object.fromEntries(entries);
}

function leavingOut(model: Model, chosen: LeftOut): Model {
  const leftOut = { ...model.graph.leftOut, ...chosen };
  return Object.keys(leftOut).length === 0 ? model : { ...model, graph: { ...model.graph, leftOut } };
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
  const { layerPrice, vanishLoss, replacements, joins = false } = layers[at]!;
  const own = choices.layers[at]!;
  const option = replacements[own.kind === 'vanished' ? 0 : own.replacement]!;
  const reluPrice = describe(reluPriceIn(layers[at]!, option));
  const prices = `a ReLU costs ${reluPrice}, the layer itself ${describe(layerPrice)}${testsText(option)}`;
  if (own.kind === 'vanished') {
    const joined = joins ? ', and the convolutions around it become one' : '';
    return `it vanishes for a loss of ${vanishLoss.toPrecision(2)}${joined}: ${prices}`;
  }
  const { name, losses, price } = option;
  const count = own.replaced.reduce((sum, one) => sum + one, 0);
  if (count === 0) return `kept: ${prices}`;
  const loss = own.replaced.reduce((sum, one, e) => sum + (one === 1 ? losses[e]! : 0), 0);
  const became = `${count} of ${losses.length} ReLUs become ${name}, each at a price of ${describe(price)}`;
  return `${became} and together for a loss of ${loss.toPrecision(2)}; ${prices}`;
}

/** What is said of the sign tests of a layer; nothing of the compiler's own. */
export function testsText({ tests }: ReplacementOption): string {
  if (tests === undefined) return '';
  return `; sign tests leave out ${tests.leftOut} bits for a loss of ${tests.loss.toPrecision(2)}`;
}
