// The process that tries a device.
import { InferenceSession, Tensor } from './onnxruntime.ts';
import { sessionOptions } from './device.ts';
import type { Device, FromTrial, ToTrial, Trial } from './device.ts';
import { answerParent } from '../../src/shared/child-process.ts';
import { GraphBuilder } from '../onnx/graph-builder.ts';

const [channels, size] = [64, 32] as const;
const manyImages = 16;

/**
 * A device on which one image takes longer than this many milliseconds is not tried with more (SwiftShader on
 * two cores: 300).
 */
const tooLong = 50;

/** Times a convolution on the device. */
async function run(device: Device): Promise<Trial> {
  try {
    const session = await InferenceSession.create(convolution(), sessionOptions({ device }));
    const one = await time(session, 1);
    if (one > tooLong) return { milliseconds: manyImages * one };
    return { milliseconds: await time(session, manyImages) };
  } catch (error) {
    return { reason: lastLine((error as Error).message) };
  }
}

/** The shortest of three calls in milliseconds; the first call also compiles. */
async function time(session: InferenceSession, images: number): Promise<number> {
  const data = new Float32Array(images * channels * size * size);
  const x = new Tensor(data, [images, channels, size, size]);
  let milliseconds = Infinity;
  for (let i = 0; i < 3; i++) {
    const started = performance.now();
    await session.run({ x });
    milliseconds = Math.min(milliseconds, performance.now() - started);
  }
  return milliseconds;
}

function convolution(): Uint8Array {
  const graph = new GraphBuilder();
  const x = graph.input('x', 'float32', ['N', channels, size, size]);
  const kernel = graph.floats(new Float32Array(channels * channels * 9).fill(0.01), [
    channels,
    channels,
    3,
    3,
  ]);
  const y = graph.op('Conv', [x, kernel], { pads: { ints: [1, 1, 1, 1] } });
  graph.output(y, 'y', 'float32', ['N', channels, size, size]);
  return graph.encode('trial');
}

/** The last line of an error by onnxruntime, which names its source lines first and the reason last. */
function lastLine(message: string): string {
  const line = message.trim().split('\n').at(-1)!;
  return line.replace(/^.* was false\. /, '').replace(/\.$/, '');
}

answerParent<ToTrial, FromTrial>(async ({ device }, tell) => {
  await tell({ kind: 'tried', trial: await run(device) });
});
