import type { Command } from 'commander';
import { inspect } from '../../../models/analysis/inspect.ts';
import type { Inspection } from '../../../models/analysis/inspect.ts';
import { loadReport } from '../../../models/files/read.ts';
import * as format from '../../shared/format.ts';
import { examples } from '../options/command.ts';
import type { Act, Context } from '../options/command.ts';
import { modelFile, modelHelp } from '../options/inputs.ts';
import { table } from '../output/output.ts';
import type { Output } from '../output/output.ts';

/** `inspect MODEL`: the cost of each layer, or all the unsupported nodes at once. */
export function configure(command: Command, act: Act): void {
  command.argument('<model>', modelHelp).action(act(run));
  examples(command, [
    'reluctant inspect zoo:fashion-resnet8',
    ['only the number of ReLUs', 'reluctant inspect my-model.onnx --json | jq .relus'],
  ]);
}

async function run(_: Context, name: string): Promise<Output> {
  const file = modelFile(name);
  const { model, unsupported, notes } = await loadReport(file);
  if (model) return describe(inspect(model), notes);
  const rows = unsupported.map(({ name, op, reason }) => [name, op, reason]);
  return {
    value: { relus: null, macs: null, params: null, layers: [], unsupported },
    text:
      `${file}: unsupported nodes: ${unsupported.length}\n\n` +
      table(
        [
          { title: 'node', align: 'left' },
          { title: 'op', align: 'left' },
          { title: 'reason', align: 'left' },
        ],
        rows,
      ),
  };
}

function describe(found: Inspection, notes: readonly string[]): Output {
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
  return { value: found, text: [`${head}\n\n${total}${note}`, ...notes].join('\n') };
}
