import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, hostname } from 'node:os';
import { join } from 'node:path';
import type { Machine } from '../../../../pipelines/pareto/result.ts';
import { packageRoot } from '../../../shared/files.ts';

export function machine(): Machine {
  return {
    host: hostname(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    platform: `${process.platform} ${process.arch}`,
  };
}

/** The versions on which a figure depends; the dependencies are pinned. */
export function versions(): Record<string, string> {
  const { version, dependencies } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as {
    readonly version: string;
    readonly dependencies: Readonly<Record<string, string>>;
  };
  return {
    reluctant: version,
    node: process.versions.node,
    'onnxruntime-node': dependencies['onnxruntime-node']!,
    'node-seal': dependencies['node-seal']!,
  };
}
