import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { InferenceSession, Tensor } from '../../models/runtime/onnxruntime.ts';
import { inspect } from '../../models/analysis/inspect.ts';
import { loadModel, readModel } from '../../models/files/read.ts';
import { writeModel } from '../../models/files/write.ts';
import { forInference } from '../../models/passes/index.ts';
import { predict } from '../../models/runtime/run.ts';
import { relativeDifference } from '../helpers/differences.ts';

/**
 * `npm run test:torchvision`: torchvision's networks as PyTorch exports them load, equal onnxruntime on the
 * original file within 1e-4 relative, fold, are written, and load again. Ends with 1 where one does not.
 */
const folder = join(import.meta.dirname, '../../runs/torchvision');
const tolerance = 1e-4;
const shape = [1, 3, 224, 224];
const image = Float32Array.from({ length: 3 * 224 * 224 }, (_, i) => Math.sin(0.37 * i));

const howToGet = `test:torchvision skipped: ${folder} holds no networks. They take 2.2 GB and come from PyTorch, e.g. on Debian 12:
  apt-get install python3-torch python3-torchvision python3-onnx
  /usr/bin/python3 tests/fixtures/torchvision/export.py whole runs/torchvision`;

type Row = {
  readonly original: number;
  readonly loaded: number;
  readonly folded: number;
  readonly again: number;
};

async function original(path: string): Promise<Float32Array> {
  const session = await InferenceSession.create(path, { logSeverityLevel: 3 });
  const results = await session.run({ [session.inputNames[0]!]: new Tensor('float32', image, shape) });
  await session.release();
  return results[session.outputNames[0]!]!.data as Float32Array;
}

async function check(path: string): Promise<Row & { text: string }> {
  const reference = await original(path);
  const model = await loadModel(path);
  const difference = async (m: typeof model) => relativeDifference(await predict(m, image, 1), reference);
  const folded = forInference(model);
  const again = readModel(writeModel(folded), 'again.onnx');
  const { relus, macs, params } = inspect(model);
  const nodes = `${model.graph.nodes.length} -> ${folded.graph.nodes.length} nodes`;
  const text = `${nodes}, ${relus} ReLUs, ${(macs / 1e9).toFixed(2)} GMAC, ${(params / 1e6).toFixed(2)} M parameters`;
  return {
    original: Math.max(...reference.map(Math.abs)),
    loaded: await difference(model),
    folded: await difference(folded),
    again: await difference(again),
    text,
  };
}

async function main(): Promise<void> {
  const files = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith('.onnx')) : [];
  if (files.length === 0) return console.log(howToGet);
  let failed = 0;
  for (const file of files) {
    try {
      const { text, loaded, folded, again } = await check(join(folder, file));
      const worst = Math.max(loaded, folded, again);
      if (!(worst <= tolerance)) failed++;
      const errors = [loaded, folded, again].map((e) => e.toExponential(1)).join(' / ');
      console.log(`${worst <= tolerance ? 'passed' : 'FAILED'}  ${file}: ${errors} relative; ${text}`);
    } catch (error) {
      failed++;
      console.log(`FAILED  ${file}: ${(error as Error).message}`);
    }
  }
  console.log(
    `${files.length - failed} passed, ${failed} failed (loaded / folded / written and loaded again)`,
  );
  process.exitCode = failed === 0 ? 0 : 1;
}

await main();
