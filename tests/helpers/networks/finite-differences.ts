import { InferenceSession, Tensor as OrtTensor } from '../../../models/runtime/onnxruntime.ts';
import type { Model } from '../../../models/graph.ts';
import { GraphBuilder } from '../../../models/onnx/graph-builder.ts';
import { differentiate } from '../../../models/train/autodiff.ts';

export type GradientCheck = {
  readonly name: string;
  /** Largest error over tolerance, over all elements; a right gradient has at most 1. */
  readonly worst: number;
  /** The same for the gradient with its sign turned; a test that can fail has far more than 1. */
  readonly worstNegated: number;
};

export type CheckOptions = {
  readonly batch: number;
  readonly image: Float32Array;
  readonly h: number;
  readonly wanted: readonly string[];
  /** dOutput, of the output's size with the batch. */
  readonly seed: Float32Array;
};

const epsilon32 = 2 ** -23;

/**
 * Compares each element of each wanted gradient of f = sum(seed * output) with central differences D(h). The
 * tolerance is derived: |D(h) - D(2h)|, three times what the truncation error of D(h) is for a smooth f, plus
 * float32's rounding of the outputs, 4 epsilon sum |seed * output| / h.
 */
export async function checkGradients(model: Model, options: CheckOptions): Promise<GradientCheck[]> {
  const { graph, input, output } = build(model, options);
  const session = await InferenceSession.create(graph.encode('check'), {
    logSeverityLevel: 3,
    intraOpNumThreads: 1,
  });
  const values = new Map([[input.name, options.image.slice()]]);
  for (const [name, weight] of model.weights) values.set(name, weight.data.slice());
  const shapes = new Map([[input.name, [options.batch, ...input.shape]]]);
  for (const [name, weight] of model.weights) shapes.set(name, [...weight.shape]);
  const run = async (): Promise<Record<string, Float32Array>> => {
    const feeds: Record<string, OrtTensor> = {};
    for (const [name, data] of values) feeds[name] = new OrtTensor('float32', data.slice(), shapes.get(name));
    feeds['seed'] = new OrtTensor('float32', options.seed, [options.batch, ...output.shape]);
    const results = await session.run(feeds);
    return Object.fromEntries(Object.entries(results).map(([name, t]) => [name, t.data as Float32Array]));
  };
  const f = async (): Promise<number> => dot((await run())['checked']!, options.seed);

  const at = await run();
  const rounding =
    (4 * epsilon32 * dot(at['checked']!.map(Math.abs), options.seed.map(Math.abs))) / options.h;
  const checks: GradientCheck[] = [];
  for (const name of options.wanted) {
    const data = values.get(name)!;
    let worst = 0;
    let worstNegated = 0;
    for (let i = 0; i < data.length; i++) {
      const fine = await difference(f, data, i, options.h);
      const coarse = await difference(f, data, i, 2 * options.h);
      const tolerance = Math.abs(fine - coarse) + rounding;
      const ours = at[`d.${name}`]![i]!;
      worst = Math.max(worst, Math.abs(ours - fine) / tolerance);
      worstNegated = Math.max(worstNegated, Math.abs(-ours - fine) / tolerance);
    }
    checks.push({ name, worst, worstNegated });
  }
  await session.release();
  return checks;
}

/** The output of f as 'checked' and each wanted gradient as `d.NAME`, by the graph that training runs. */
export async function gradientsByGraph(
  model: Model,
  options: Omit<CheckOptions, 'h'>,
): Promise<Readonly<Record<string, Float32Array>>> {
  const { graph, input, output } = build(model, options);
  const session = await InferenceSession.create(graph.encode('gradients'), {
    logSeverityLevel: 3,
    intraOpNumThreads: 1,
  });
  const feeds: Record<string, OrtTensor> = {
    [input.name]: new OrtTensor('float32', options.image, [options.batch, ...input.shape]),
    seed: new OrtTensor('float32', options.seed, [options.batch, ...output.shape]),
  };
  for (const [name, { shape, data }] of model.weights) feeds[name] = new OrtTensor('float32', data, shape);
  const results = await session.run(feeds);
  await session.release();
  return Object.fromEntries(Object.entries(results).map(([name, t]) => [name, t.data as Float32Array]));
}

function build(model: Model, options: Omit<CheckOptions, 'h'>) {
  const graph = new GraphBuilder();
  const input = model.graph.inputs[0]!;
  const output = model.graph.outputs[0]!;
  graph.input(input.name, 'float32', [options.batch, ...input.shape]);
  for (const [name, weight] of model.weights) graph.input(name, 'float32', weight.shape);
  graph.input('seed', 'float32', [options.batch, ...output.shape]);
  const { backward } = differentiate(graph, model, options.batch, new Set(options.wanted));
  const gradients = backward('seed');
  graph.output(output.name, 'checked', 'float32', [options.batch, ...output.shape]);
  for (const name of options.wanted) {
    const shape = model.weights.get(name)?.shape ?? [options.batch, ...input.shape];
    graph.output(gradients.get(name)!, `d.${name}`, 'float32', shape);
  }
  return { graph, input, output };
}

/** The change of `data[i]` is what float32 makes of it. */
async function difference(
  f: () => Promise<number>,
  data: Float32Array,
  i: number,
  h: number,
): Promise<number> {
  const value = data[i]!;
  data[i] = value + h;
  const high = { at: data[i], f: await f() };
  data[i] = value - h;
  const low = { at: data[i], f: await f() };
  data[i] = value;
  return (high.f - low.f) / (high.at - low.at);
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** `n` numbers of size 0.2 to 1, either sign: away from the kink of a ReLU at 0. */
export function awayFromZero(n: number, uniform: () => number): Float32Array {
  return Float32Array.from({ length: n }, () => (uniform() < 0.5 ? -1 : 1) * (0.2 + 0.8 * uniform()));
}

/** `n` numbers that are all at least 0.05 apart, in random order: a maximum among them is clear. */
export function wellApart(n: number, uniform: () => number): Float32Array {
  const order = Array.from({ length: n }, (_, i) => ({ i, key: uniform() })).sort((a, b) => a.key - b.key);
  return Float32Array.from(order, ({ i }) => 0.05 * (i - n / 2));
}
