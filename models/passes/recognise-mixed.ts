import { consumersOf, inferShapes } from '../analysis/shapes.ts';
import { onlyKind } from '../../src/shared/kinds.ts';
import { activationKinds } from '../graph.ts';
import type { ByActivationKind, Model, Node, OpType } from '../graph.ts';
import { sizeOf, tensor } from '../tensor.ts';
import type { Shape } from '../tensor.ts';
import * as forms from './element-form.ts';
import type { ElementForm, Kinds } from './element-form.ts';
import { perChannel } from './merges/merge-bias.ts';
import { freshWeight, withNodes } from './rewire.ts';

/**
 * Replaces sums and products that compute relu(x), x or a polynomial c2 x^2 + c1 x + c0 at each element of
 * one value x with a MixedActivation: x x, c2 x^2 + c1 x + c0, m relu(x) + (1 - m) x and m relu(x) + (1 -
 * m)(a x^2 + b x + c), with masks m of 0 and 1, in any order of the operations. Published code writes reduced
 * networks in this way (SNL: Cho et al., ICML 2022; AutoReP: Peng et al., ICCV 2023; CryptoNets:
 * Gilad-Bachrach et al., ICML 2016). The parts stay if they do not fit, or if another node reads one of them.
 *
 * The operations are carried out on the coefficients of relu(x), x^2, x and 1, from each candidate for x: a
 * value that is all that the parts read, nearest first.
 */
export function recogniseMixed(model: Model): Model {
  return new Recogniser(model).result();
}

/**
 * For each Mul by its name: why the sum or product that it is part of is no MixedActivation. It has no entry
 * if it is not part of such a thing.
 */
export function whyNotMixed(model: Model): ReadonlyMap<string, string> {
  const recogniser = new Recogniser(model);
  recogniser.result();
  return recogniser.reasons;
}

/** The ops whose outputs may be parts. */
const isPart: { readonly [K in OpType]?: boolean } = {
  Add: true,
  Sub: true,
  Mul: true,
  Relu: true,
  MixedActivation: true,
  Identity: true,
};

const isRoot: { readonly [K in OpType]?: boolean } = { Add: true, Sub: true, Mul: true };

/** (1 - m)(a (x - b)^2 + c x + d) + m relu(x) has 10 operations. */
const mostParts = 32;
/** Images of 224 x 224 have up to 2^22 elements in a layer. */
const mostElements = 2 ** 24;
/** The sum of the elements of all parts that are computed for one file, which anybody may have written. */
const mostWork = 2 ** 30;

type Whole = { readonly root: Node; readonly x: string; readonly kinds: Kinds };

class Recogniser {
  readonly #ofForm = new Map<string, string>();
  readonly #ofValues = new Map<string, string>();
  readonly #model: Model;
  readonly #shapes: ReadonlyMap<string, Shape>;
  readonly #consumers: ReadonlyMap<string, readonly Node[]>;
  readonly #producers: ReadonlyMap<string, number>;
  readonly #given: ReadonlySet<string>;
  #work = 0;

  constructor(model: Model) {
    this.#model = model;
    this.#shapes = inferShapes(model);
    this.#consumers = consumersOf(model.graph);
    this.#producers = new Map(model.graph.nodes.map((node, i) => [node.outputs[0]!, i]));
    this.#given = new Set(model.graph.outputs.map((value) => value.name));
  }

  get reasons(): ReadonlyMap<string, string> {
    return new Map([...this.#ofValues, ...this.#ofForm]);
  }

  result(): Model {
    const removed = new Set<Node>();
    const wholes = new Map<Node, Whole>();
    for (const root of this.#model.graph.nodes.toReversed()) {
      if (!isRoot[root.op] || removed.has(root)) continue;
      const match = this.#match(root);
      if (match === undefined) continue;
      wholes.set(root, match.whole);
      for (const part of match.parts) if (part !== root) removed.add(part);
    }
    if (wholes.size === 0) return this.#model;
    const weights = new Map(this.#model.weights);
    const nodes = this.#model.graph.nodes.flatMap((node) => {
      const whole = wholes.get(node);
      if (whole !== undefined) return [nodeOf(whole, weights)];
      return removed.has(node) ? [] : [node];
    });
    return withNodes(this.#model, nodes, weights);
  }

  /** Takes parts from the root backwards until they read a single value from which they fit. */
  #match(root: Node): { whole: Whole; parts: ReadonlySet<Node> } | undefined {
    const shape = this.#shapes.get(root.outputs[0]!)!;
    if (shape.length === 0 || sizeOf(shape) > mostElements) return undefined;
    const parts = new Set<Node>();
    let read = new Set([root.outputs[0]!]);
    let reason: string | undefined;
    while (parts.size < mostParts) {
      const last = this.#lastOf(read);
      const part = parts.size === 0 ? root : this.#partOf(last, parts);
      if (part === undefined) {
        if (reason === undefined && read.size > 1) this.#explainValues(parts, read, last);
        break;
      }
      parts.add(part);
      const values = this.#valuesOf(part);
      if (values.some((value) => this.#shapes.get(value)!.join() !== shape.join())) break;
      read = new Set([...[...read].filter((value) => value !== last), ...values]);
      if (read.size !== 1 || !this.#isWhole(root, parts)) continue;
      const [x] = [...read] as [string];
      const kinds = this.#kindsFrom(x, root, parts, shape);
      if (typeof kinds !== 'string') return { whole: { root, x, kinds }, parts };
      reason ??= kinds;
    }
    if (reason !== undefined) this.#explain(parts, reason);
    return undefined;
  }

  #valuesOf(node: Node): string[] {
    return node.inputs.filter((name) => this.#shapes.has(name));
  }

  /** The value that is computed last. */
  #lastOf(values: ReadonlySet<string>): string {
    const order = (value: string) => this.#producers.get(value) ?? -1;
    return [...values].reduce((last, value) => (order(value) > order(last) ? value : last));
  }

  /** The node that computes the value, if it can be a part and only the other parts read it. */
  #partOf(value: string, parts: ReadonlySet<Node>): Node | undefined {
    const node = this.#model.graph.nodes[this.#producers.get(value) ?? -1];
    if (node === undefined || !isPart[node.op] || this.#isReadElsewhere(value, parts)) return undefined;
    return node;
  }

  #isReadElsewhere(value: string, parts: ReadonlySet<Node>): boolean {
    return this.#given.has(value) || !this.#consumers.get(value)!.every((node) => parts.has(node));
  }

  /** Another reason goes before this one, because the sum that joins two branches ends here too. */
  #explainValues(parts: ReadonlySet<Node>, read: ReadonlySet<string>, last: string): void {
    if (!isActivation(this.#model, parts) && ![...parts].some((part) => this.#isMasking(part))) return;
    const node = this.#model.graph.nodes[this.#producers.get(last) ?? -1];
    const others = node !== undefined && isPart[node.op] ? ` (others read ${last} too)` : '';
    const values = [...read].join(' and ');
    const reason = `it combines the values ${values}; expected a function of one value${others}`;
    for (const { op, name } of parts)
      if (op === 'Mul' && !this.#ofValues.has(name)) this.#ofValues.set(name, reason);
  }

  /**
   * Whether two values meet in the parts, or a mask puts zeros in the place of an activation. A part of a
   * larger thing that does not fit stays, because the reason for that helps more.
   */
  #isWhole(root: Node, parts: ReadonlySet<Node>): boolean {
    if (isActivation(this.#model, parts)) return true;
    if (this.#ofForm.has(root.name) || this.#ofValues.has(root.name)) return false;
    const all = [...parts];
    return all.some((part) => this.#isMasking(part)) && all.some(({ op }) => isNonlinear[op]);
  }

  /** Whether the node multiplies by a constant that differs between the places of a channel. */
  #isMasking(node: Node): boolean {
    const weight = node.inputs.find((name) => this.#model.weights.has(name));
    if (node.op !== 'Mul' || weight === undefined) return false;
    return perChannel(this.#model.weights.get(weight)!, this.#shapes.get(node.outputs[0]!)!) === undefined;
  }

  #kindsFrom(x: string, root: Node, parts: ReadonlySet<Node>, shape: Shape): Kinds | string {
    this.#work += sizeOf(shape) * (parts.size + 1);
    if (this.#work > mostWork) return 'the file has too many such elements';
    const form = this.#formFrom(x, root, parts, shape);
    return typeof form === 'string' ? form : forms.kindsOf(form, shape);
  }

  #formFrom(x: string, root: Node, parts: ReadonlySet<Node>, shape: Shape): ElementForm | string {
    const computed = new Map([[x, forms.formOfBase]]);
    const formOf = (name: string): ElementForm =>
      computed.get(name) ?? forms.formOfConstant(this.#model.weights.get(name)!, shape);
    for (const part of [...parts].reverse()) {
      const form = this.#apply(part, formOf);
      if (typeof form === 'string') return form;
      computed.set(part.outputs[0]!, form);
    }
    return computed.get(root.outputs[0]!)!;
  }

  #apply(part: Node, formOf: (name: string) => ElementForm): ElementForm | string {
    const [a, b] = part.inputs as [string, string];
    if (part.op === 'Add') return forms.sum(formOf(a), formOf(b));
    if (part.op === 'Sub') return forms.sum(formOf(a), forms.negative(formOf(b)));
    if (part.op === 'Mul') return forms.product(formOf(a), formOf(b));
    if (part.op === 'Identity') return formOf(a);
    if (!forms.isBase(formOf(a)))
      return `its activation ${part.name} reads another value than its other parts`;
    if (part.op !== 'MixedActivation') return forms.formOfRelu;
    const coefficients = part.inputs.slice(1).map((name) => this.#model.weights.get(name)!.data);
    return forms.formOfKinds(part.attributes.kinds, coefficients);
  }

  /** Keeps the reason that came first: roots are tried from the last one, so it is that of the whole. */
  #explain(parts: ReadonlySet<Node>, reason: string): void {
    for (const { op, name } of parts)
      if (op === 'Mul' && !this.#ofForm.has(name)) this.#ofForm.set(name, reason);
  }
}

/** Whether two values meet in these nodes, and they are not linear. */
function isActivation(model: Model, parts: ReadonlySet<Node>): boolean {
  const values = (node: Node) => node.inputs.filter((name) => !model.weights.has(name)).length;
  const all = [...parts];
  const joins = all.some((node) => values(node) > 1);
  return joins && all.some((node) => isNonlinear[node.op] || (node.op === 'Mul' && values(node) > 1));
}

const isNonlinear: { readonly [K in OpType]?: boolean } = { Relu: true, MixedActivation: true };

/** Adds the coefficients to the weights if the node needs them. */
function nodeOf({ root, x, kinds }: Whole, weights: Map<string, { shape: Shape; data: Float32Array }>): Node {
  const only = onlyKind(activationKinds, kinds.kinds);
  const { name, outputs } = root;
  const op = only === undefined ? 'MixedActivation' : opOfWhole[only];
  if (op !== 'MixedActivation') return { op, name, inputs: [x], outputs, attributes: {} };
  const coefficients = (['c2', 'c1', 'c0'] as const).map((key) => {
    const weight = freshWeight(weights, `${name}.${key}`);
    weights.set(weight, tensor([kinds[key].length], kinds[key]));
    return weight;
  });
  return { op, name, inputs: [x, ...coefficients], outputs, attributes: { kinds: kinds.kinds } };
}

/** The op of a layer of a single kind. */
const opOfWhole: ByActivationKind<'Identity' | 'Relu' | 'MixedActivation'> = {
  identity: 'Identity',
  relu: 'Relu',
  poly: 'MixedActivation',
};
