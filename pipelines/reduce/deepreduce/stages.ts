import type { Model } from '../../../models/graph.ts';
import { inferShapes } from '../../../models/analysis/shapes.ts';
import { activationsOf, inspect, stagesOf } from '../../../models/analysis/inspect.ts';
import type { Stage } from '../../../models/analysis/inspect.ts';
import { UsageError } from '../../../src/shared/errors.ts';

/**
 * A stage and the names of its activation nodes. A name may be a glob: `*` stands for any characters, `?` for
 * one.
 */
export type StageSpec = { readonly name: string; readonly nodes: readonly string[] };

/** Reads stages, for example 'S1=stem.relu,stage1.*;S2=stage2.*'. Throws UsageError for another form. */
export function parseStages(text: string): StageSpec[] {
  const parts = text.split(';').filter((part) => part.trim() !== '');
  const specs = parts.map((part) => {
    const at = part.indexOf('=');
    const name = part.slice(0, Math.max(0, at)).trim();
    const nodes = part
      .slice(at + 1)
      .split(',')
      .map((node) => node.trim())
      .filter((node) => node !== '');
    if (name === '' || nodes.length === 0)
      throw new UsageError(
        `--stages: expected NAME=NODE,NODE;NAME=..., with * for any characters, got '${part.trim()}'`,
      );
    return { name, nodes };
  });
  if (parts.length === 0) throw new UsageError('--stages: expected at least one stage, got none');
  return specs;
}

/**
 * The stages of the model in the order of their first nodes (default: the stages between changes of
 * resolution). Throws UsageError if a name matches no activation, or if an activation is in no stage or in
 * two.
 */
export function stagesBy(model: Model, specs?: readonly StageSpec[]): Stage[] {
  if (specs === undefined) return stagesOf(model);
  const nodes = activationsOf(model).map(({ name }) => name);
  checkNames(specs, nodes);
  const members = specs.map((spec) => nodes.filter((node) => spec.nodes.some((glob) => matches(glob, node))));
  for (const node of nodes) {
    const inThem = specs.filter((_, i) => members[i]!.includes(node)).map(({ name }) => name);
    if (inThem.length !== 1)
      throw new UsageError(
        `--stages: expected every activation in one stage, but ${node} is in ` +
          (inThem.length === 0 ? 'none' : inThem.join(' and ')),
      );
  }
  return specs
    .map(({ name }, i) => stageOf(model, name, members[i]!))
    .sort((a, b) => nodes.indexOf(a.nodes[0]!) - nodes.indexOf(b.nodes[0]!));
}

/** The stage of these nodes with its number of ReLUs. Nodes that the model no longer has are left out. */
export function stageOf(model: Model, name: string, nodes: readonly string[]): Stage {
  const layers = new Map(inspect(model).layers.map((layer) => [layer.name, layer]));
  const own = nodes.filter((node) => layers.has(node));
  const relus = own.reduce((sum, node) => sum + layers.get(node)!.relus, 0);
  const first = model.graph.nodes.find((node) => node.name === own[0]);
  const resolution = first === undefined ? [] : inferShapes(model).get(first.outputs[0]!)!.slice(1);
  return { name, resolution, nodes: own, relus };
}

function checkNames(specs: readonly StageSpec[], nodes: readonly string[]): void {
  const names = specs.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new UsageError(`--stages: two stages are called ${twice}`);
  for (const glob of specs.flatMap((spec) => spec.nodes)) {
    if (!nodes.some((node) => matches(glob, node)))
      throw new UsageError(`--stages: no activation is called ${glob}; there are ${nodes.join(', ')}`);
  }
}

function matches(glob: string, name: string): boolean {
  const pattern = glob
    .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${pattern}$`).test(name);
}
