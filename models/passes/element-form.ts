import { activationKinds } from '../graph.ts';
import type { ActivationKind } from '../graph.ts';
import type { Shape, Tensor } from '../tensor.ts';

/** A coefficient: a number per element of a value, in row-major order, or one for all of them. */
type Coefficient = number | Float64Array;

/** What a part of a graph computes from one value x: relus relu(x) + square x^2 + line x + constant. */
export type ElementForm = { readonly [K in Term]: Coefficient };

type Term = (typeof terms)[number];
const terms = ['relus', 'square', 'line', 'constant'] as const;

const zero: ElementForm = { relus: 0, square: 0, line: 0, constant: 0 };

/** x itself. */
export const formOfBase: ElementForm = { ...zero, line: 1 };

/** A constant that broadcasts to `shape`. Shapes are aligned at their ends. */
export function formOfConstant({ shape: from, data }: Tensor, shape: Shape): ElementForm {
  if (data.length === 1) return { ...zero, constant: data[0]! };
  const steps = shape.map(() => 0);
  for (let axis = from.length - 1, step = 1; axis >= 0; step *= from[axis--]!)
    if (from[axis] !== 1) steps[axis + shape.length - from.length] = step;
  const constant = new Float64Array(shape.reduce((size, length) => size * length, 1));
  for (let i = 0; i < constant.length; i++) {
    let at = 0;
    for (let axis = shape.length - 1, rest = i; axis >= 0; axis--) {
      at += (rest % shape[axis]!) * steps[axis]!;
      rest = Math.floor(rest / shape[axis]!);
    }
    constant[i] = data[at]!;
  }
  return { ...zero, constant };
}

/** The activation of x whose elements have these kinds and whose channels have these coefficients. */
export function formOfKinds(kinds: Uint8Array, [c2, c1, c0]: readonly Float32Array[]): ElementForm {
  const size = kinds.length / c2!.length;
  const pick = (of: { readonly [K in ActivationKind]: number | Float32Array }) => {
    const byCode = Object.entries(activationKinds).map(([kind, code]) => [code, of[kind as ActivationKind]]);
    const values = new Map(byCode as [number, number | Float32Array][]);
    return Float64Array.from(kinds, (code, e) => {
      const value = values.get(code)!;
      return typeof value === 'number' ? value : value[Math.floor(e / size)]!;
    });
  };
  return {
    relus: pick({ relu: 1, identity: 0, poly: 0 }),
    square: pick({ relu: 0, identity: 0, poly: c2! }),
    line: pick({ relu: 0, identity: 1, poly: c1! }),
    constant: pick({ relu: 0, identity: 0, poly: c0! }),
  };
}

export const formOfRelu: ElementForm = { ...zero, relus: 1 };

export function isBase(form: ElementForm): boolean {
  return terms.every((term) => form[term] === formOfBase[term]);
}

export function sum(a: ElementForm, b: ElementForm): ElementForm {
  const of = (term: Term) => zip(a[term], b[term], (u, v) => u + v);
  return { relus: of('relus'), square: of('square'), line: of('line'), constant: of('constant') };
}

export function negative(form: ElementForm): ElementForm {
  const of = (term: Term) => zip(form[term], -1, (u, v) => u * v);
  return { relus: of('relus'), square: of('square'), line: of('line'), constant: of('constant') };
}

/** The product of two forms, or the reason why it has no such form. */
export function product(a: ElementForm, b: ElementForm): ElementForm | string {
  const of = (s: Term, t: Term) => zip(a[s], b[t], (u, v) => u * v);
  const both = (s: Term, t: Term) => (s === t ? of(s, s) : zip(of(s, t), of(t, s), (u, v) => u + v));
  const ofRelus = [of('relus', 'relus'), both('relus', 'square'), both('relus', 'line')];
  if (!ofRelus.every(isZero)) return 'it multiplies a ReLU by a computed value';
  if (![of('square', 'square'), both('square', 'line')].every(isZero))
    return 'it is a polynomial of a degree above 2';
  return {
    relus: both('relus', 'constant'),
    square: zip(both('square', 'constant'), of('line', 'line'), (u, v) => u + v),
    line: both('line', 'constant'),
    constant: of('constant', 'constant'),
  };
}

function zip(a: Coefficient, b: Coefficient, f: (u: number, v: number) => number): Coefficient {
  if (typeof a === 'number' && typeof b === 'number') return f(a, b);
  if (typeof a === 'number') return (b as Float64Array).map((v) => f(a, v));
  if (typeof b === 'number') return a.map((u) => f(u, b));
  return a.map((u, i) => f(u, b[i]!));
}

function isZero(coefficient: Coefficient): boolean {
  return typeof coefficient === 'number' ? coefficient === 0 : coefficient.every((v) => v === 0);
}

export type Kinds = {
  readonly kinds: Uint8Array;
  readonly c2: Float32Array;
  readonly c1: Float32Array;
  readonly c0: Float32Array;
};

/**
 * The kind of each element of a value of `shape` and the polynomial of each channel, or the reason why an
 * element has no kind or a channel needs two polynomials. A channel without polynomials has zeros.
 */
export function kindsOf(form: ElementForm, shape: Shape): Kinds | string {
  const [channels = 1, ...inner] = shape;
  const size = inner.reduce((total, length) => total * length, 1);
  const kinds = new Uint8Array(channels * size);
  const [c2, c1, c0] = [0, 1, 2].map(() => new Float32Array(channels)) as [Row, Row, Row];
  const at = (term: Term, e: number) => {
    const value = form[term];
    return typeof value === 'number' ? value : value[e]!;
  };
  for (let channel = 0, e = 0; channel < channels; channel++) {
    let isKnown = false;
    for (const end = e + size; e < end; e++) {
      const relus = at('relus', e);
      const [q, l, c] = [at('square', e), at('line', e), at('constant', e)].map(Math.fround) as Three;
      const isRelu = relus === 1 && q === 0 && l === 0 && c === 0;
      if (relus !== 0 && !isRelu) return `element ${e} is ${textOf(q, l, c, relus)}, which is ${notAKind}`;
      kinds[e] = isRelu ? activationKinds.relu : activationKinds.poly;
      if (isRelu) continue;
      if (q === 0 && l === 1 && c === 0) {
        kinds[e] = activationKinds.identity;
        continue;
      }
      if (![q, l, c].every(Number.isFinite)) return 'its coefficients are beyond the range of float32';
      if (isKnown && (q !== c2[channel] || l !== c1[channel] || c !== c0[channel])) {
        const first = textOf(c2[channel]!, c1[channel]!, c0[channel]!);
        return `channel ${channel} has both ${first} and ${textOf(q, l, c)}; expected one polynomial per channel`;
      }
      [c2[channel], c1[channel], c0[channel], isKnown] = [q, l, c, true];
    }
  }
  return { kinds, c2, c1, c0 };
}

type Row = Float32Array;
type Three = [number, number, number];

const notAKind = 'neither relu(x) nor x nor a polynomial: masks must be 0 or 1';

function textOf(c2: number, c1: number, c0: number, relus = 0): string {
  const parts = [
    [relus, ' relu(x)'],
    [c2, ' x^2'],
    [c1, ' x'],
    [c0, ''],
  ] as const;
  const shown = parts.filter(([factor]) => factor !== 0).map(([f, of]) => `${Number(f.toPrecision(6))}${of}`);
  return shown.length === 0 ? '0' : shown.join(' + ').replaceAll('+ -', '- ');
}
