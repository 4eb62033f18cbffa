import { join } from 'node:path';
import { pointsOf } from '../../../../pipelines/pareto/points.ts';
import type { RunStore } from '../../../../pipelines/pareto/store.ts';
import { writeFileAtomic } from '../../../shared/files.ts';

/** Writes report.html and its SVG files for all runs in the folder. */
export async function writeReport(
  store: RunStore,
  folder: string,
  profiles: readonly string[],
): Promise<void> {
  // Charts take 300 modules, which other commands do not wait for.
  const { paretoFiles } = await import('../../../web/pareto/files.ts');
  const points = pointsOf(store.runs(), profiles);
  const files = await paretoFiles({ points, profiles, folder, date: new Date().toISOString() });
  for (const [name, text] of files) await writeFileAtomic(join(folder, name), text);
}
