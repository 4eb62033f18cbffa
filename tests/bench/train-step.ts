import { spawn, spawnSync } from 'node:child_process';
import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { architectures } from '../../models/architectures/index.ts';
import { seededRng, seededUniform } from '../../models/data/seeded.ts';
import { TrainingEngine } from '../../models/train/engines/onnxruntime/engine.ts';
import { sgd } from '../../models/train/optimizers.ts';

/**
 * `npm run bench:train [-- ROUNDS [THREADS]]`: a training step of ResNet-18 here and, where Python has it, in
 * PyTorch, in turn, so that both meet the same load. Medians. The processor's own time says more on a busy
 * machine, with one thread above all: threads that wait for each other spin. It verifies nothing.
 */
const [batch, classes, size] = [32, 100, 32] as const;
const [rounds = 9, threads = 2] = process.argv.slice(2).map(Number);

/** Milliseconds of a step, by the clock and of the processor (all threads together). */
type Times = { readonly wall: number; readonly work: number };

type Side = {
  readonly name: string;
  readonly step: () => Promise<Times>;
  readonly close: () => void | Promise<void>;
};

async function ours(): Promise<Side> {
  const model = architectures.resnet18([3, size, size], classes, seededRng(1));
  const optimizer = sgd({ momentum: 0.9, weightDecay: 5e-4 });
  const engine = await TrainingEngine.create(model, { batch, optimizer }, { threads });
  const images = Float32Array.from({ length: batch * 3 * size * size }, seededUniform(1));
  const labels = Uint8Array.from({ length: batch }, (_, i) => i % classes);
  const step = async () => {
    const [started, before] = [performance.now(), process.cpuUsage()];
    await engine.run({ images, labels }, 0.01);
    const { user, system } = process.cpuUsage(before);
    return { wall: performance.now() - started, work: (user + system) / 1000 };
  };
  return { name: 'reluctant', step, close: () => engine.release() };
}

const python = process.env['PYTHON'] ?? '/usr/bin/python3';

async function torch(): Promise<Side | undefined> {
  if (spawnSync(python, ['-c', 'import torch'], { stdio: 'ignore' }).status !== 0) return undefined;
  const script = join(import.meta.dirname, 'train-step.py');
  const child = spawn(python, [script, ...[threads, batch, classes].map(String)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const next = async () => String((await lines.next()).value);
  const step = async () => {
    child.stdin.write('\n');
    const [wall = NaN, work = NaN] = (await next()).split(' ').map(Number);
    return { wall, work };
  };
  const close = () => void child.stdin.end();
  return { name: `PyTorch ${await next()}`, step, close };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
}

const sides = [await ours(), await torch()].filter((side) => side !== undefined);
const times = sides.map((): Times[] => []);
for (let round = -2; round < rounds; round++) {
  for (const [i, side] of sides.entries()) {
    const found = await side.step();
    if (round >= 0) times[i]!.push(found); // two rounds to warm up
  }
}
console.log(
  `ResNet-18, ${size} x ${size} x 3, batch ${batch}, ${classes} classes, ${threads} threads, ${rounds} rounds in turn, ` +
    `load ${loadavg()[0]!.toFixed(1)} on ${availableParallelism()} cores`,
);
const medians = times.map((list) => ({
  wall: median(list.map(({ wall }) => wall)),
  work: median(list.map(({ work }) => work)),
}));
sides.forEach(({ name }, i) => {
  const { wall, work } = medians[i]!;
  const rate = ((1000 * batch) / wall).toFixed(1);
  console.log(
    `${name.padEnd(20)} ${wall.toFixed(0)} ms a step, ${rate} images/s, processor ${work.toFixed(0)} ms`,
  );
});
const [here, there] = medians;
if (here && there) {
  const ratio = (key: keyof Times) => (here[key] / there[key]).toFixed(2);
  console.log(`reluctant / PyTorch = ${ratio('wall')} by the clock, ${ratio('work')} in processor time`);
} else console.log(`no PyTorch in ${python}: apt install python3-torch, or set PYTHON`);
for (const side of sides) await side.close();
