import type { Node, Replacement } from '../../../models/graph.ts';
import type { ReplacedElements } from '../../../models/passes/replaced-elements.ts';

export type Decision = {
  /** What the log calls the score. */
  readonly score: string;
  /** The score of each element, by layer. */
  readonly scores: ReadonlyMap<string, Float32Array>;
  readonly replaced: ReplacedElements;
  /** The replacement in a layer with ReLUs. */
  readonly replacementOf: (layer: string) => Replacement;
  /** Activations that became ReLUs before the search, as they were before, by layer. */
  readonly others: ReadonlyMap<string, Node>;
};

const became: { readonly [K in Replacement]: string } = {
  none: 'give 0',
  identity: 'let their input through',
  affine: 'are affine',
  quadratic: 'are quadratic polynomials',
  mixed: 'are quadratic polynomials or lines, by channel',
};

/** Makes the function that says, for the log, how many elements of a layer were replaced and why. */
export function reasons({
  score,
  scores,
  replaced,
  replacementOf,
  others,
}: Decision): (layer: string) => string {
  const cut = smallestKept(scores, replaced);
  return (layer) => {
    const own = scores.get(layer);
    if (own === undefined) return 'it had no ReLUs';
    const count = own.length - replaced.get(layer)!.reduce((sum, gone) => sum + gone, 0);
    const mean = own.reduce((sum, value) => sum + value, 0) / own.length;
    const other = others.get(layer);
    const first = other === undefined ? [] : [`${describe(other)} became a ReLU first`];
    if (cut === undefined)
      return [...first, `no ReLU of any layer stays; all ${became[replacementOf(layer)]}`].join('; ');
    return [
      ...first,
      `${count} of ${own.length} have one of the highest values of ${score} over all layers ` +
        `(from ${cut.toPrecision(3)} on; mean here ${mean.toPrecision(3)}) and stay`,
      ...(count === own.length ? [] : [`the others ${became[replacementOf(layer)]}`]),
    ].join('; ');
  };
}

function describe(node: Node): string {
  return node.op === 'Clip' ? `Clip(${node.attributes.min}, ${node.attributes.max})` : node.op;
}

/** The lowest score of an element that was kept; undefined if none was. */
function smallestKept(
  scores: ReadonlyMap<string, Float32Array>,
  replaced: ReplacedElements,
): number | undefined {
  let smallest = Infinity;
  for (const [layer, own] of scores) {
    own.forEach((value, e) => {
      if (replaced.get(layer)![e] === 0 && value < smallest) smallest = value;
    });
  }
  return smallest === Infinity ? undefined : smallest;
}
