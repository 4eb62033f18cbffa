import { methods } from '../../../../pipelines/reduce/methods.ts';
import { originalMethod } from '../../../../pipelines/pareto/job.ts';
import type { JobSpec } from '../../../../pipelines/pareto/job.ts';
import type { JobOutcome } from '../../../../pipelines/pareto/result.ts';

/**
 * The command that makes a point's network again, and the one that evaluates it as the sweep did. `versions`: of its result; they say what
 * has trained it.
 */
export function commandOf(
  spec: JobSpec,
  file: string,
  { engine, device, threads }: JobOutcome['versions'],
): string {
  const { network, data, method, circa, budget, seed, epochs, replace, granularity, pretrainEpochs } = spec;
  if (method === originalMethod)
    return `reluctant evaluate ${quoted(network)} --data ${quoted(data)} --private`;
  // Of a sweep for all its methods; `reduce` refuses it where it means nothing.
  const searchEpochs = methods[method].isSearching ? spec.searchEpochs : null;
  const options = [
    ['--method', method],
    ['--budget', budget],
    ...(replace === null ? [] : [['--replace', replace]]),
    ...(granularity === null ? [] : [['--granularity', granularity]]),
    ['--data', data],
    ['--epochs', String(epochs)],
    ...(searchEpochs === null ? [] : [['--search-epochs', String(searchEpochs)]]),
    ...(pretrainEpochs === null ? [] : [['--pretrain-epochs', String(pretrainEpochs)]]),
    ['--seed', String(seed)],
    ...(engine === undefined || engine === 'onnxruntime' ? [] : [['--engine', engine]]),
    ...(device === undefined || device === 'cpu' ? [] : [['--device', device]]),
    ...(threads === undefined ? [] : [['--threads', threads]]),
    ['--out', file],
  ].map(([flag, value]) => `${flag!} ${quoted(value!)}`);
  const windows = circa === null ? '' : ` --circa ${quoted(file.replace(/\.onnx$/, '.windows.json'))}`;
  return (
    `reluctant reduce ${quoted(network)} ${options.join(' ')} && ` +
    `reluctant evaluate ${quoted(file)} --data ${quoted(data)} --private${windows}`
  );
}

/** As a shell reads it. */
export function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
