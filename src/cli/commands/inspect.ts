import type { Command } from 'commander';
import { inspect } from '../../../models/analysis/inspect.ts';
import { loadReport } from '../../../models/files/read.ts';
import type { UnsupportedNode } from '../../../models/files/read.ts';
import type { Model } from '../../../models/graph.ts';
import { privateProblems } from '../../../pipelines/compile/served-plan.ts';
import type { PrivateProblem } from '../../../pipelines/compile/private-problems.ts';
import { defined } from '../../shared/defined.ts';
import { ModelError } from '../../shared/errors.ts';
import * as format from '../../shared/format.ts';
import { examples } from '../options/command.ts';
import type { Act, Context } from '../options/command.ts';
import { modelHelp, sizeOption } from '../options/inputs.ts';
import { modelFile } from '../options/named-model.ts';
import type { SizeFlag } from '../options/inputs.ts';
import { table } from '../output/output.ts';
import type { Output } from '../output/output.ts';

/**
 * `inspect MODEL`: the cost of each layer, what the network can be used for, and all the nodes that stand
 * against it. Ends with the code of a wrong model file if the network can neither be trained nor run
 * privately.
 */
export function configure(command: Command, act: Act): void {
  command.argument('<model>', modelHelp).addOption(sizeOption()).action(act(run));
  examples(command, [
    'reluctant inspect zoo:fashion-resnet8',
    ['only the number of ReLUs', 'reluctant inspect my-model.onnx --json | jq .relus'],
    ['may it run privately', 'reluctant inspect my-model.onnx --json | jq .uses.private'],
  ]);
  command.addHelpText(
    'after',
    '\nExit codes:\n' +
      '  0    the network can be trained or run privately; the last line says which\n' +
      '  3    it can neither be trained nor run privately, or it cannot be read\n' +
      "Other exit codes are in 'reluctant --help'.\n",
  );
}

/** What a network can be used for. */
type Uses = { readonly read: boolean; readonly train: boolean; readonly private: boolean };

async function run({ show }: Context, name: string, options: SizeFlag): Promise<Output> {
  const file = modelFile(name);
  const { model, unsupported, notes } = await loadReport(file, defined({ size: options.size }));
  if (model !== undefined) return described({ show }, file, model, notes);
  show(describeUnsupported(file, unsupported));
  throw new ModelError(`${file}: it cannot be used: ${nodeCount(unsupported)} not supported`);
}

/** Shows what was read before it says that nothing can be done with it. */
function described({ show }: Pick<Context, 'show'>, file: string, model: Model, notes: readonly string[]) {
  const output = describe(model, notes);
  if (hasLogits(model)) return output;
  show(output);
  const shapes = model.graph.outputs.map(({ shape }) => `[${shape.join(', ')}]`).join(' and ');
  throw new ModelError(`${file}: it cannot be used: expected one vector of logits, its output is ${shapes}`);
}

/** Losses and answers need one vector of numbers. */
function hasLogits({ graph }: Model): boolean {
  return graph.outputs.length === 1 && graph.outputs[0]!.shape.length === 1;
}

function usesOf(model: Model, problems: readonly PrivateProblem[]): Uses {
  const canTrain = hasLogits(model);
  return { read: true, train: canTrain, private: canTrain && problems.length === 0 };
}

function describeUnsupported(file: string, unsupported: readonly UnsupportedNode[]): Output {
  const uses: Uses = { read: false, train: false, private: false };
  return {
    value: { relus: null, macs: null, params: null, layers: [], unsupported, uses },
    text: `${file}: unsupported nodes: ${unsupported.length}\n\n${reasons(unsupported)}\n\n${usesLine(uses)}`,
  };
}

function nodeCount({ length }: readonly unknown[]): string {
  return length === 1 ? '1 node is' : `${length} nodes are`;
}

function reasons(nodes: readonly UnsupportedNode[]): string {
  return table(
    [
      { title: 'node', align: 'left' },
      { title: 'op', align: 'left' },
      { title: 'reason', align: 'left' },
    ],
    nodes.map(({ name, op, reason }) => [name, op, reason]),
  );
}

function usesLine(uses: Uses): string {
  const answer = (use: keyof Uses) => (uses[use] ? 'yes' : 'no');
  return `can be read: ${answer('read')}, trained: ${answer('train')}, run privately: ${answer('private')}`;
}

function describe(model: Model, notes: readonly string[]): Output {
  const found = inspect(model);
  const problems = privateProblems(model);
  const uses = usesOf(model, problems);
  const rows = found.layers.map(({ name, op, output_shape, relus, macs }) => [
    name,
    op,
    format.shape(output_shape),
    relus === 0 ? '' : format.count(relus),
    macs === 0 ? '' : format.count(macs),
  ]);
  const head = table(
    [
      { title: 'node', align: 'left' },
      { title: 'op', align: 'left' },
      { title: 'output' },
      { title: 'ReLUs' },
      { title: 'multiplications' },
    ],
    rows,
  );
  const total =
    `${format.count(found.relus)} ReLUs, ${format.count(found.macs)} multiplications, ` +
    `${format.count(found.params)} parameters for one image`;
  const pooled = found.layers.some(({ op }) => op === 'MaxPool');
  const note = pooled
    ? `\nmax pooling counts k*k - 1 ReLUs per output, as in the literature; 'plan' counts the protocol's comparisons, which overlapping windows share`
    : '';
  const against = problems.length === 0 ? '' : `\n\nnot private:\n${reasons(problems)}\n`;
  const text = [`${head}\n\n${total}${note}`, ...notes, `${against}${usesLine(uses)}`].join('\n');
  return { value: { ...found, notes, uses, not_private: problems }, text };
}
