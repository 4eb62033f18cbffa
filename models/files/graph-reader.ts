import { defined } from '../../src/shared/defined.ts';
import { ModelError } from '../../src/shared/errors.ts';
import { inputShapes, verifyModel } from '../analysis/shapes.ts';
import type { Ending } from '../ending.ts';
import type { Model, Node, NodeOf, OpType, Value } from '../graph.ts';
import { AttributeReader } from '../ops/attributes.ts';
import { Refusal, refuse } from '../refusal.ts';
import type { InputKind, ParsedInput } from '../ops/definition.ts';
import { ops, shapeOfNode } from '../ops/index.ts';
import { sizeOf } from '../tensor.ts';
import type { Shape, Tensor } from '../tensor.ts';
import type { FileNode, RawFile } from '../onnx/decode.ts';
import { known, maximumConstant } from './constant.ts';
import type { Constant } from './constant.ts';
import { fold, isFoldable } from './fold.ts';
import type { RawTensor } from '../onnx/raw.ts';
import { descriptionOf } from './metadata.ts';
import { checkCount, isKnown, isOnlyFoldable, onlyConstants, opOf, qualified } from './known-ops.ts';
import { liveNodes } from './live-nodes.ts';
import { endOf, isEnd, mayEnd } from './logits-end.ts';
import { inNewForm } from './older-opsets.ts';
import { maskedByComparison } from './rewrite-choice.ts';
import { readable } from './readable.ts';
import { refusals, rewrites } from './rewrite.ts';
import type { Comparison, RewriteContext } from './rewriting.ts';
import { isChannelsLast, Views } from './views.ts';
import { valueRankOf, weightOf } from './weight-of.ts';

export type UnsupportedNode = { readonly name: string; readonly op: string; readonly reason: string };

export type ReadReport = {
  /** Undefined if a node is not supported. */
  readonly model: Model | undefined;
  readonly unsupported: readonly UnsupportedNode[];
  /** What of the file the model leaves out, in sentences. */
  readonly notes: readonly string[];
};

const maximumElements = 2 ** 28; // of a value for one image: 1 GiB of float32
const longestReason = 500; // a reason may quote attributes of any length
/**
 * The longest of torchvision's networks, DenseNet-201, has 711 nodes. Passes may take time quadratic in their
 * number.
 */
const maximumNodes = 20_000;

const readersOfComparisons: ReadonlySet<string> = new Set(['Where', 'Mul', 'Not', 'Cast']);

/** Turns a file's nodes into a Model in one run over them, in the file's order. */
export class GraphReader {
  readonly #file: RawFile;
  readonly #nodes: Node[] = [];
  readonly #producers = new Map<string, Node>();
  readonly #weights = new Map<string, Tensor>();
  readonly #unsupported: UnsupportedNode[] = [];
  readonly #notes: string[] = [];
  /** Shapes of computed values; undefined for a value that depends on an unsupported node. */
  readonly #shapes = new Map<string, Shape | undefined>();
  readonly #constants = new Map<string, Constant>();
  /** Constants behind unsupported nodes, whose values are unknown. */
  readonly #unknown = new Set<string>();
  #ending: Ending | undefined;
  readonly #comparisons = new Map<string, Comparison>();
  /** The values that stand for integers, between QuantizeLinear and DequantizeLinear, with their scale. */
  readonly #quantised = new Map<string, string>();
  /**
   * Number of elements of all constants computed so far. It is limited, because a short file could fill the
   * memory.
   */
  #folded = 0;
  /**
   * For each node name, how many further names were derived from it. Counting from 1 for each node would take
   * quadratic time.
   */
  readonly #names = new Map<string, number>();
  readonly #consumed: ReadonlySet<string>;
  readonly #views: Views;

  constructor(file: RawFile) {
    this.#file = file;
    if (file.nodes.length > maximumNodes)
      broken(`expected at most ${maximumNodes} nodes, got ${file.nodes.length}`);
    for (const { name, shape } of file.inputs) this.#shapes.set(name, shape);
    this.#views = new Views({
      shapeOf: (value) => this.#shapes.get(value),
      constantOf: (name) => this.#constant(name),
      addConstant: (tensor) => this.#addConstant(tensor),
      add: (node) => this.#add(node),
      fresh: (wanted) => this.#freshValue(wanted),
    });
    for (const input of file.inputs) this.#readChannelsLast(input);
    this.#consumed = new Set([...file.nodes.flatMap((node) => node.inputs), ...file.outputs]);
  }

  read(): ReadReport {
    for (const node of liveNodes(this.#file)) this.#take(node);
    if (this.#unsupported.length > 0) return { model: undefined, unsupported: this.#unsupported, notes: [] };
    const outputs = this.#file.outputs
      .map((name) => this.#views.asOurs(name))
      .map((name) => ({
        name,
        shape: this.#shapes.get(name) ?? broken(`graph output ${name} is computed by no node`),
      }));
    const inputs = this.#file.inputs.map(({ name }) => ({ name, shape: this.#shapes.get(name)! }));
    if (outputs.length === 0) broken('the graph has no output');
    const described = descriptionOf(this.#file.metadata, { inputs, outputs });
    const ending = defined({ ending: this.#ending });
    const model = {
      graph: { name: this.#file.name, inputs, outputs, nodes: this.#nodes, ...described, ...ending },
      weights: this.#weights,
    };
    verifyModel(model);
    return {
      model: readable(model),
      unsupported: [],
      notes: this.#notes,
    };
  }

  #take(node: FileNode): void {
    const name = this.#freshName(node);
    for (const input of node.inputs) this.#checkDefined(input, node, name);
    for (const output of node.outputs) this.#checkNew(output, node, name);
    try {
      this.#read(node, name);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.#unsupported.push({ name, op: qualified(node), reason: error.message.slice(0, longestReason) });
      this.#poison(node);
    }
  }

  /**
   * The shapes after an unsupported node are unknown; only the ops of the nodes that follow can be checked.
   */
  #poison(node: FileNode): void {
    for (const output of node.outputs) if (output !== '') this.#shapes.set(output, undefined);
  }

  /**
   * Behind an unsupported node only ops can be checked. A shape that is computed there is unknown, and so is
   * all that is computed from it; an op that is supported on constants only is at fault if it reads a value.
   */
  #checkBehind(node: FileNode): void {
    if (!isKnown(node)) refuse('this op is not supported');
    const isConstant = (input: string) => this.#unknown.has(input) || this.#isConstant(input);
    const ofShapes = node.op === 'Shape' || node.op === 'Size' || node.inputs.every(isConstant);
    if (node.domain === '' && isFoldable(node.op) && ofShapes)
      for (const output of node.outputs) this.#unknown.add(output);
    else if (node.domain === '' && isOnlyFoldable(node.op)) refuse(onlyConstants);
    this.#poison(node);
  }

  #isConstant(name: string): boolean {
    return name === '' || this.#constants.has(name) || this.#file.initializers.has(name);
  }

  #read(written: FileNode, name: string): void {
    const node = inNewForm(written, (tensor) => this.#addConstant(tensor));
    if (this.#takeOff(node, name)) return;
    if (node.domain === '' && Object.hasOwn(refusals, node.op)) refuse(refusals[node.op]!);
    const behindUnsupported = node.inputs.some(
      (input) => this.#shapes.has(input) && !this.#shapes.get(input),
    );
    if (behindUnsupported) {
      this.#checkBehind(node);
      return;
    }
    const extra = node.outputs.slice(1).find((output) => output !== '' && this.#consumed.has(output));
    if (extra !== undefined && node.op !== 'Split')
      refuse(`its output ${extra} is used; only the first output is supported`);
    if (node.op !== 'DequantizeLinear' && node.inputs.some((input) => this.#quantised.has(input)))
      refuse('it computes with integers; only QuantizeLinear and DequantizeLinear in pairs are supported');
    const readsComparison = node.inputs.some((input) => this.#comparisons.has(input));
    if (readsComparison && !(node.domain === '' && readersOfComparisons.has(node.op)))
      refuse('it computes with the result of a comparison; only Where, Mul, Not and Cast may read one');
    const attributes = new AttributeReader(node.attributes());
    if (node.domain === '' && this.#fold(node, attributes)) return;
    if (node.domain === '' && node.op === 'Transpose') {
      this.#views.transpose(node, attributes);
      attributes.finish();
      this.#shapes.set(node.outputs[0]!, this.#shapes.get(node.inputs[0]!));
      return;
    }
    const viewed = this.#views.viewed(node);
    if (viewed === undefined) this.#shapes.set(node.outputs[0]!, this.#shapes.get(node.inputs[0]!));
    else this.#readOnOurs(viewed.node, name);
    if (viewed?.order !== undefined)
      for (const output of node.outputs) if (output !== '') this.#views.set(output, output, viewed.order);
  }

  /** Reads a node whose inputs are our values, in their order. */
  #readOnOurs(node: FileNode, name: string): void {
    const attributes = new AttributeReader(node.attributes());
    const inputs = this.#parsedInputs(node);
    const context = () => this.#rewriteContext(name, node, inputs);
    if (node.op === 'Mul' && inputs.some((input) => this.#comparisons.has(input.name)))
      for (const each of maskedByComparison(inputs, context())) this.#add(each);
    else if (node.domain === '' && Object.hasOwn(rewrites, node.op)) {
      const rewritten = rewrites[node.op]!.rule(attributes, inputs, context());
      attributes.finish();
      for (const each of rewritten) this.#add(each);
      if (this.#comparisons.has(node.outputs[0]!)) this.#takeComparison(node.outputs[0]!);
    } else this.#add(this.#standard(node, name, attributes, inputs));
  }

  #takeComparison(output: string): void {
    if (this.#file.outputs.includes(output)) refuse('the network gives the result of a comparison');
    this.#shapes.set(output, []);
  }

  /**
   * Puts an Identity in the place of a Softmax, LogSoftmax or ArgMax over the classes, or of a Sigmoid, at
   * the end of the network: the answer is the same, and losses and private runs need the logits.
   */
  #takeOff(node: FileNode, name: string): boolean {
    const [x = '', output = ''] = [node.inputs[0], node.outputs[0]];
    if (!mayEnd(node) || !isEnd(this.#file, output)) return false;
    if (this.#shapes.has(x) && this.#shapes.get(x) === undefined) {
      this.#poison(node);
      return true;
    }
    const end = endOf(node, this.#shapes.get(x) ?? []);
    if (end === undefined) return false;
    this.#add({ op: 'Identity', name, inputs: [this.#views.of(x)], outputs: [output], attributes: {} });
    this.#ending = this.#file.outputs.length === 1 ? end.ending : undefined;
    this.#notes.push(`${name} (${node.op}) at its end is taken off: the outputs are the logits`);
    return true;
  }

  #fold(node: FileNode, attributes: AttributeReader): boolean {
    const inputs = node.inputs.map((name) => ({
      constant: this.#constant(name),
      shape: this.#views.shapeOf(name),
    }));
    const constant = fold(node.op, attributes, inputs);
    if (constant === undefined) return false;
    attributes.finish();
    const isView = inputs.some((input) => input.constant?.tensor.data === constant.tensor.data);
    this.#folded += isView ? 0 : constant.tensor.data.length;
    if (this.#folded > maximumConstant) broken('its constants are too large: they take more than 1 GiB');
    this.#constants.set(node.outputs[0]!, constant);
    return true;
  }

  #rewriteContext(name: string, { outputs }: FileNode, inputs: readonly ParsedInput[]): RewriteContext {
    const rank = valueRankOf(inputs);
    return {
      node: name,
      output: outputs[0]!,
      outputs: outputs.map((output) => (this.#consumed.has(output) ? output : '')),
      producer: (value) => this.#producers.get(value),
      quantised: this.#quantised,
      comparisons: this.#comparisons,
      weightAt: (name) => this.#weights.get(name),
      weight: (input) => this.#inputName(input, 'any', 'Add', rank)[0]!,
      kernel: (input) => this.#inputName(input, 'weight', 'Conv', rank)[0]!,
    };
  }

  /** Reads a node whose op is one of ours. */
  #standard(file: FileNode, name: string, attributes: AttributeReader, inputs: readonly ParsedInput[]): Node {
    const op = opOf(file, this.#file.functions);
    return this.#typed(op, file, name, attributes, inputs) as Node;
  }

  #typed<K extends OpType>(
    op: K,
    file: FileNode,
    name: string,
    attributes: AttributeReader,
    inputs: readonly ParsedInput[],
  ): NodeOf<K> {
    const kinds = ops[op].inputs;
    checkCount(kinds, inputs);
    const parsed = ops[op].parse(attributes, inputs);
    attributes.finish();
    const valueRank = valueRankOf(inputs);
    const kept = inputs.flatMap((input, i) =>
      this.#inputName(input, kinds[i] ?? kinds.at(-1)!, op, valueRank),
    );
    while (kept.at(-1) === '') kept.pop();
    return { op, name, inputs: kept, outputs: [file.outputs[0]!], attributes: parsed };
  }

  /** The name of the input in our graph; empty for a constant that was read into the attributes. */
  #inputName(input: ParsedInput, kind: InputKind, op: OpType, valueRank: number): string[] {
    if (kind === 'constant' || kind === 'optional-constant') return [];
    if (input.constant === undefined) return [input.name];
    if (kind === 'value' || kind === 'values')
      refuse(`input ${input.name} is a constant; expected a computed value`);
    return [this.#weight(input.name, weightOf(op, { ...input.constant, name: input.name }, valueRank))];
  }

  /** Adds a weight and returns its name. An initialiser that is used in two shapes becomes two weights. */
  #weight(name: string, tensor: Tensor): string {
    const same = (other: Tensor | undefined) => other?.shape.join() === tensor.shape.join();
    let free = name;
    while (this.#weights.has(free) && !same(this.#weights.get(free))) free += "'";
    this.#weights.set(free, tensor);
    return free;
  }

  #add(node: Node): void {
    const shapes = this.#shapes as Map<string, Shape>;
    const model = { graph: { name: '', inputs: [], outputs: [], nodes: [] }, weights: this.#weights };
    const [shape] = shapeOfNode(node, inputShapes(node, shapes, model));
    if (shape === undefined || !(sizeOf(shape) <= maximumElements))
      refuse('its output has more than 2^28 elements per image');
    this.#shapes.set(node.outputs[0]!, shape);
    this.#nodes.push(node);
    this.#producers.set(node.outputs[0]!, node);
  }

  #parsedInputs(node: FileNode): ParsedInput[] {
    const batch = this.#file.inputs[0]?.batch;
    return node.inputs.map((name) => {
      const constant = this.#constant(name);
      const misplaced = constant?.batchAt.some((i) => i !== 0 || node.op !== 'Reshape');
      if (misplaced) refuse(`input ${name} depends on the batch in another way than a reshape that keeps it`);
      return {
        name,
        batch,
        constant: constant?.tensor,
        shape: constant?.tensor.shape ?? this.#shapes.get(name),
      };
    });
  }

  #addConstant(tensor: RawTensor): string {
    let { name } = tensor;
    while (this.#isTaken(name)) name += "'";
    this.#constants.set(name, known(tensor));
    return name;
  }

  /** A channels-last image becomes a view of one with channels first, which is what the network gets here. */
  #readChannelsLast({ name, shape }: Value): void {
    const isConstant = (input: string) =>
      this.#file.initializers.has(input) ||
      this.#file.nodes.some((node) => node.op === 'Constant' && node.outputs[0] === input);
    if (!isChannelsLast({ name, shape }, this.#file.nodes, isConstant)) return;
    const [height = 1, width = 1, channels = 1] = shape;
    this.#shapes.set(name, [channels, height, width]);
    this.#views.set(name, name, [1, 2, 0]);
    this.#notes.push(
      `its input ${name} is height x width x channels in the file; here it is channels x height x width`,
    );
  }

  #freshValue(wanted: string): string {
    let name = wanted;
    while (this.#isTaken(name) || this.#names.has(name) || this.#consumed.has(name)) name += "'";
    this.#names.set(name, 0);
    return name;
  }

  #isTaken(name: string): boolean {
    return this.#shapes.has(name) || this.#constants.has(name) || this.#file.initializers.has(name);
  }

  #constant(name: string): Constant | undefined {
    const found = this.#constants.get(name);
    const decode = this.#file.initializers.get(name);
    if (found !== undefined || decode === undefined) return found;
    const constant = known(decode());
    this.#constants.set(name, constant);
    return constant;
  }

  #checkDefined(input: string, node: FileNode, name: string): void {
    if (input === '' || this.#shapes.has(input) || this.#constants.has(input)) return;
    if (!this.#file.initializers.has(input))
      broken(
        `node ${name} (${node.op}): input ${input} is defined by no node before it and by no initialiser`,
      );
  }

  #checkNew(output: string, node: FileNode, name: string): void {
    if (this.#isTaken(output) || (output === '' && output === node.outputs[0]))
      broken(`node ${name} (${node.op}): output '${output}' is empty or defined twice`);
  }

  #freshName(node: FileNode): string {
    const wanted = node.name === '' ? (node.outputs[0] ?? node.op) : node.name;
    let count = this.#names.get(wanted) ?? 0;
    let name = wanted;
    while (this.#names.has(name)) name = `${wanted}.${++count}`;
    this.#names.set(name, 0);
    this.#names.set(wanted, count);
    return name;
  }
}

function broken(reason: string): never {
  throw new ModelError(reason);
}
