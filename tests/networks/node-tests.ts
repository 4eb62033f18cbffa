import { existsSync, readdirSync } from 'node:fs';
import { foldedOps } from '../../models/files/fold.ts';
import { rewrites } from '../../models/files/rewrite.ts';
import { ops } from '../../models/ops/index.ts';
import { checkNodeTest, foreignOps, loadNodeTest } from './node-test.ts';

/**
 * `npm run test:conformance`: the ONNX project's node tests of every op in the table, as Debian packs them.
 * Prints each refusal with its reason, and ends with 1 where a result is wrong.
 */
const folder = '/usr/share/libonnx-testdata/data/node';

async function main(): Promise<void> {
  if (!existsSync(folder)) {
    console.log(
      `test:conformance skipped: ${folder} is not there; on Debian or Ubuntu: apt-get install libonnx-testdata`,
    );
    return;
  }
  const untested = new Set([...Object.keys(ops), ...Object.keys(rewrites), ...foldedOps]);
  const counts = { passed: 0, refused: 0, failed: 0, foreign: 0 };
  for (const name of readdirSync(folder).sort()) {
    const test = loadNodeTest(folder, name);
    if (foreignOps(test).length > 0) {
      counts.foreign++;
      continue;
    }
    const verdict = await checkNodeTest(test);
    counts[verdict.kind]++;
    if (verdict.kind === 'passed') for (const { opType } of test.model.graph!.node) untested.delete(opType);
    console.log(
      `${verdict.kind.padEnd(8)}${name}: ${verdict.kind === 'passed' ? `as ${verdict.as}` : verdict.reason}`,
    );
  }
  const { passed, refused, failed, foreign } = counts;
  console.log(
    `${passed} passed, ${refused} refused, ${failed} failed; ${foreign} tests of other ops left out`,
  );
  console.log(`no test passed, or there is none, of: ${[...untested].sort().join(', ')}`);
  process.exitCode = failed === 0 ? 0 : 1;
}

await main();
