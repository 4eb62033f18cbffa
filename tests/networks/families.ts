import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { InferenceSession, Tensor } from '../../models/runtime/onnxruntime.ts';
import { normals } from '../../models/architectures/init.ts';
import { countRelus } from '../../models/analysis/inspect.ts';
import { loadReport } from '../../models/files/read.ts';
import type { UnsupportedNode } from '../../models/files/read.ts';
import type { Model } from '../../models/graph.ts';
import { curvedActivations } from '../../models/passes/curved-activations.ts';
import { predict } from '../../models/runtime/run.ts';
import { sizeOf } from '../../models/tensor.ts';
import { privateProblems } from '../../pipelines/compile/served-plan.ts';
import { relativeDifference } from '../helpers/differences.ts';
import { seededRng } from '../helpers/rng.ts';

/**
 * `npm run docs:families [IMAGES]`: reads the smallest network of each of torchvision's families of
 * classifiers, compares it with onnxruntime on random images (default: 50), and writes
 * docs/results/torchvision.md. Ends with 1 where a network that is read computes something else.
 */
const folder = join(import.meta.dirname, '../../runs/families');
const report = join(import.meta.dirname, '../../docs/results/torchvision.md');
const tolerance = 1e-4;

const howToGet = `docs:families skipped: ${folder} holds no networks. They take 2.2 GB and come from PyTorch, e.g. on Debian 12:
  apt-get install python3-torch python3-torchvision python3-onnx
  /usr/bin/python3 tests/fixtures/torchvision/export.py families runs/families`;

type Row = { readonly cells: readonly string[]; readonly isWrong: boolean };

async function rowOf(path: string, n: number): Promise<Row> {
  const name = basename(path, '.onnx');
  const { model, unsupported } = await loadReport(path);
  if (model === undefined) return { cells: [name, 'no', '', '', '', refusals(unsupported)], isWrong: false };
  const difference = await largestDifference(path, model, n);
  const problems = privateProblems(model);
  const replaceable = new Set(curvedActivations(model));
  const isReplaceable = problems.every((problem) => replaceable.has(problem.name));
  const runs = problems.length === 0 ? 'yes' : isReplaceable ? 'after `--activations`' : 'no';
  const relus = countRelus(model).toLocaleString('en');
  const cells = [name, 'yes', difference.toExponential(1), relus, runs, refusals(problems)];
  return { cells, isWrong: !(difference <= tolerance) };
}

/** Over all images, relative to the largest logit. */
async function largestDifference(path: string, model: Model, n: number): Promise<number> {
  const { shape } = model.graph.inputs[0]!;
  const images = normals(n * sizeOf(shape), seededRng('images'));
  const ours = await predict(model, images, n, { batch: 1 });
  const session = await InferenceSession.create(path, { logSeverityLevel: 3 });
  let worst = 0;
  for (let i = 0; i < n; i++) {
    const image = images.subarray(i * sizeOf(shape), (i + 1) * sizeOf(shape));
    const feeds = { [session.inputNames[0]!]: new Tensor('float32', image, [1, ...shape]) };
    const expected = (await session.run(feeds))[session.outputNames[0]!]!.data as Float32Array;
    const logits = ours.subarray(i * expected.length, (i + 1) * expected.length);
    worst = Math.max(worst, relativeDifference(logits, expected));
  }
  await session.release();
  return worst;
}

/** '12 Swish and 3 Sigmoid: reason; 1 Expand: reason': a reason once, without its advice. */
function refusals(nodes: readonly UnsupportedNode[]): string {
  const byReason = new Map<string, Map<string, number>>();
  for (const { op, reason } of nodes) {
    const short = reason.split(';')[0]!;
    const counts = byReason.get(short) ?? new Map<string, number>();
    byReason.set(short, counts.set(op, (counts.get(op) ?? 0) + 1));
  }
  const counted = [...byReason].map(([reason, counts]) => {
    const parts = [...counts].map(([op, count]) => `${count} ${op}`);
    return `${parts.join(' and ')}: ${reason}`;
  });
  return counted.join('; ');
}

function text(rows: readonly Row[], n: number): string {
  const head = ['network', 'is read', 'differs by', 'ReLUs', 'runs privately', 'refused'];
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [
    '# Networks of torchvision',
    'The smallest network of each of the 20 families of classifiers in torchvision 0.14, with random weights, as PyTorch\n' +
      '1.13 exports it (opset 17). `npm run docs:families` writes this page; it needs the exports\n' +
      '(`tests/fixtures/torchvision/export.py families`). "differs by" is the largest difference of a logit to onnxruntime on\n' +
      `the original file, relative to the largest logit, on ${n} random images. ReLUs count one image. "runs privately" says\n` +
      'whether every node has a protocol; `--activations` is an option of `reduce` (see [reducing.md](../reducing.md)).',
    [line(head), line(head.map(() => '---')), ...rows.map(({ cells }) => line(cells))].join('\n'),
  ].join('\n\n');
}

async function main(n: number): Promise<void> {
  const files = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith('.onnx')) : [];
  if (files.length === 0) return console.log(howToGet);
  const rows: Row[] = [];
  for (const file of files.sort()) {
    const row = await rowOf(join(folder, file), n);
    console.log(`${row.isWrong ? 'WRONG   ' : ''}${row.cells.join(' | ')}`);
    rows.push(row);
  }
  writeFileSync(report, `${text(rows, n)}\n`);
  process.exitCode = rows.some(({ isWrong }) => isWrong) ? 1 : 0;
}

await main(Number(process.argv[2] ?? 50));
