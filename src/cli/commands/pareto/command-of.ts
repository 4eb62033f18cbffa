import { originalMethod, methodSettings } from '../../../../pipelines/pareto/job.ts';
import type { JobSpec } from '../../../../pipelines/pareto/job.ts';
import type { JobOutcome } from '../../../../pipelines/pareto/result.ts';
import { bitsFlags } from '../../output/bits-words.ts';
import { quoted } from '../../output/quoted.ts';

/**
 * The commands that make a point's network again and evaluate it as the sweep did. The versions of its
 * outcome name the engine and the device that trained it.
 */
export function commandOf(
  spec: JobSpec,
  file: string,
  { versions: { engine, device, threads }, bits }: Pick<JobOutcome, 'versions' | 'bits'>,
): string {
  const { network, data, method, circa, budget, seed, epochs } = spec;
  const evaluated = (name: string) =>
    `reluctant evaluate ${quoted(name)} --data ${quoted(data)} --private${chosenFlags(bits)}`;
  if (method === originalMethod) return evaluated(network);
  const { replace, granularity, searchEpochs, pretrainEpochs, ...more } = methodSettings(method, spec);
  const { ranking, featureLoss, rangeLoss, agreement } = more;
  const options = [
    ['--method', method],
    ['--budget', budget],
    ...(replace === undefined ? [] : [['--replace', replace]]),
    ...(granularity === undefined ? [] : [['--granularity', granularity]]),
    ...(ranking === undefined ? [] : [['--ranking', ranking]]),
    ...(featureLoss === undefined ? [] : [['--feature-loss', String(featureLoss)]]),
    ...(rangeLoss === undefined ? [] : [['--range-loss', String(rangeLoss)]]),
    ...(agreement === undefined ? [] : [['--agreement', String(agreement)]]),
    ['--data', data],
    ['--epochs', String(epochs)],
    ...(searchEpochs === undefined ? [] : [['--search-epochs', String(searchEpochs)]]),
    ...(pretrainEpochs === undefined ? [] : [['--pretrain-epochs', String(pretrainEpochs)]]),
    ['--seed', String(seed)],
    ...(engine === undefined || engine === 'onnxruntime' ? [] : [['--engine', engine]]),
    ...(device === undefined || device === 'cpu' ? [] : [['--device', device]]),
    ...(threads === undefined ? [] : [['--threads', threads]]),
    ['--out', file],
  ].map(([flag, value]) => `${flag!} ${quoted(value!)}`);
  const windows = circa === null ? '' : ` --circa ${quoted(file.replace(/\.onnx$/, '.windows.json'))}`;
  return `reluctant reduce ${quoted(network)} ${options.join(' ')} && ${evaluated(file)}${windows}`;
}

/** The bits themselves, because windows that were found with them may let an agreement choose others. */
function chosenFlags(bits: JobOutcome['bits']): string {
  return bits === null ? '' : ` ${bitsFlags(bits)}`;
}
