import type { OpType } from '../graph.ts';
import type { FileNode } from '../onnx/decode.ts';
import type { RawFunction } from '../onnx/raw.ts';
import type { InputKind, ParsedInput } from '../ops/definition.ts';
import { ops } from '../ops/index.ts';
import { mixedDomain, mixedFunction } from '../ops/activations/mixed-activation.ts';
import { refuse } from '../refusal.ts';
import { isFoldable } from './fold.ts';
import { rewrites } from './rewrite.ts';

/** Why an op is refused that is computed while the file is read. */
export const onlyConstants =
  'it is supported on constants and shapes only, and its input is computed from the image';

/** Whether nodes of this op can be read, behind whatever they stand. */
export function isKnown({ op, domain }: FileNode): boolean {
  if (domain !== '') return domain === mixedDomain && op === 'MixedActivation';
  return Object.hasOwn(ops, op) || Object.hasOwn(rewrites, op) || isFoldable(op);
}

/** Our op for a node that is not rewritten. Refuses an op that is not ours. */
export function opOf(node: FileNode, functions: readonly RawFunction[]): OpType {
  if (node.domain === mixedDomain && node.op === 'MixedActivation') {
    const body = functions.find((f) => f.domain === node.domain && f.name === node.op);
    if (body === undefined || !sameFunction(body, mixedFunction))
      refuse('its function body is not the one this program writes');
    return 'MixedActivation';
  }
  if (node.domain === '' && isOnlyFoldable(node.op)) refuse(onlyConstants);
  if (node.domain !== '' || node.op === 'MixedActivation' || !Object.hasOwn(ops, node.op))
    refuse('this op is not supported; docs/ops.md lists those that are');
  return node.op as OpType;
}

/** Whether nodes of this op are computed while the file is read, and not otherwise. Transposes make views. */
export function isOnlyFoldable(op: string): boolean {
  return isFoldable(op) && !Object.hasOwn(ops, op) && !Object.hasOwn(rewrites, op) && op !== 'Transpose';
}

/** The op's name with its domain, for messages. */
export function qualified(node: FileNode): string {
  return node.domain === '' ? node.op : `${node.domain}.${node.op}`;
}

function sameFunction(a: RawFunction, b: RawFunction): boolean {
  const text = (f: RawFunction) =>
    JSON.stringify([f.inputs, f.outputs, f.nodes.map((n) => [n.op, n.domain ?? '', n.inputs, n.outputs])]);
  return text(a) === text(b);
}

/** Refuses a number of inputs that the op does not have. */
export function checkCount(kinds: readonly InputKind[], inputs: readonly ParsedInput[]): void {
  const optional = kinds.filter((kind) => kind.startsWith('optional')).length;
  const most = kinds.at(-1) === 'values' ? Infinity : kinds.length;
  if (inputs.length < kinds.length - optional || inputs.length > most)
    refuse(`expected ${kinds.length - optional} to ${most} inputs, got ${inputs.length}`);
}
