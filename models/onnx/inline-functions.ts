import { clone } from '@bufbuild/protobuf';
import { ModelError } from '../../src/shared/errors.ts';
import { AttributeProtoSchema } from './onnx_pb.js';
import type { AttributeProto, FunctionProto, ModelProto, NodeProto, OperatorSetIdProto } from './onnx_pb.js';

/** A node of the graph or of a function's body, with the opset that says what its op means. */
export type InlinedNode = { readonly node: NodeProto; readonly opset: number };

/** The most nodes of all bodies together; a short file could ask for any number. */
const mostNodes = 20_000;
/** Functions may call functions, but not themselves. */
const deepest = 32;

/**
 * The nodes of the graph with each call of a model-local function replaced by the function's body. Values of
 * a body get the name of the calling node in front of theirs. Functions of the domain `kept` stay as they
 * are. Throws ModelError for a body that calls itself, or is too long.
 */
export function inlineFunctions(model: ModelProto, kept: string): readonly InlinedNode[] {
  const inliner = new Inliner(model.functions.filter(({ domain }) => domain !== kept));
  return inliner.inlined(model.graph!.node, opsetOf(model.opsetImport), 0);
}

export function opsetOf(imports: readonly OperatorSetIdProto[]): number {
  const standard = imports.find(({ domain }) => domain === '' || domain === 'ai.onnx');
  return Number(standard?.version ?? 0n);
}

class Inliner {
  readonly #functions: ReadonlyMap<string, FunctionProto>;
  #count = 0;
  #calls = 0;

  constructor(functions: readonly FunctionProto[]) {
    this.#functions = new Map(functions.map((f) => [`${f.domain}:${f.name}`, f]));
  }

  inlined(nodes: readonly NodeProto[], opset: number, depth: number): InlinedNode[] {
    return nodes.flatMap((node) => {
      const body = this.#functions.get(`${node.domain}:${node.opType}`);
      if (body === undefined) return [{ node, opset }];
      if (depth === deepest) fail(`function ${body.name} calls itself, or calls lie too deep`);
      this.#count += body.node.length;
      if (this.#count > mostNodes) fail(`expected at most ${mostNodes} nodes in functions`);
      return this.inlined(this.#bodyOf(node, body), opsetOf(body.opsetImport) || opset, depth + 1);
    });
  }

  /** The function's nodes, reading and writing the values of the node that calls it. */
  #bodyOf(call: NodeProto, body: FunctionProto): NodeProto[] {
    const outside = new Map<string, string>([
      ...body.input.map((name, i) => [name, call.input[i] ?? ''] as const),
      ...body.output
        .map((name, i) => [name, call.output[i] ?? ''] as const)
        .filter(([, name]) => name !== ''),
    ]);
    const prefix = `${call.name || call.output[0] || call.opType}/${this.#calls++}`;
    const named = (name: string) => (name === '' ? '' : (outside.get(name) ?? `${prefix}/${name}`));
    // Attributes of the call go before the function's defaults.
    const given = new Map([...body.attributeProto, ...call.attribute].map((a) => [a.name, a]));
    return body.node.map((node) => ({
      ...node,
      name: `${prefix}/${node.name || node.output[0] || node.opType}`,
      input: node.input.map(named),
      output: node.output.map(named),
      attribute: node.attribute.flatMap((attribute) => bound(attribute, given)),
    }));
  }
}

/** The attribute with the value that the call gives it; none if the call leaves it out. */
function bound(attribute: AttributeProto, given: ReadonlyMap<string, AttributeProto>): AttributeProto[] {
  if (attribute.refAttrName === '') return [attribute];
  const value = given.get(attribute.refAttrName);
  return value === undefined
    ? []
    : [Object.assign(clone(AttributeProtoSchema, value), { name: attribute.name })];
}

function fail(reason: string): never {
  throw new ModelError(reason);
}
