import { frameHeaderBytes } from '../../../crypto/channel/channel.ts';
import type { Rng } from '../../../src/shared/random.ts';
import { integer } from '../../helpers/protocol/convolution.ts';

/**
 * What a hostile peer may do to one frame of a transcript. `harmless`: a run may end all the same, because
 * there is nothing in the protocol that notices: a value was changed within its range (docs/security.md,
 * "Wrong answers").
 */
export type Mutation = {
  readonly name: string;
  readonly harmless: boolean;
  readonly frames: readonly Uint8Array[];
};

type Frames = readonly Uint8Array[];
type Edit = (frame: Uint8Array) => Uint8Array;

/**
 * Every kind of mutation at frame `at`; `flips` random ones of its payload. `other`: the frames of another
 * session.
 */
export function mutationsAt(frames: Frames, at: number, other: Frames, rng: Rng, flips: number): Mutation[] {
  const frame = frames[at]!;
  const edited = (name: string, edit: Edit, harmless = false): Mutation => ({
    name: `frame ${at}: ${name}`,
    harmless,
    frames: frames.with(at, edit(frame.slice())),
  });
  const payload = frame.length - frameHeaderBytes;
  const changes: Mutation[] = [
    ...headerFlips(frame, rng).map(([name, edit]) => edited(name, edit)),
    edited('length 2^32 - 1', (f) => (new DataView(f.buffer).setUint32(8, 0xffff_ffff, true), f)),
    ...[0, 5, frameHeaderBytes].map((n) => edited(`cut to ${n} bytes`, (f) => f.slice(0, n))),
    edited('a byte short', (f) => f.slice(0, -1)),
    ...[-1, 1, 65_536].map((by) => edited(`payload ${by} bytes longer, header right`, (f) => resized(f, by))),
    edited('a byte too long', (f) => new Uint8Array([...f, 0])),
    edited('replayed from another session', () => other[at]!, true),
    edited('all ones', (f) => f.fill(0xff, frameHeaderBytes), true),
    edited('all zeros', (f) => f.fill(0, frameHeaderBytes), true),
    { name: `frame ${at}: left out`, harmless: false, frames: frames.toSpliced(at, 1) },
    {
      name: `frame ${at}: twice`,
      harmless: at === frames.length - 1,
      frames: frames.toSpliced(at, 0, frame),
    },
  ];
  if (at > 0) {
    const swapped = frames.with(at - 1, frame).with(at, frames[at - 1]!);
    changes.push({ name: `frame ${at}: before the one before it`, harmless: false, frames: swapped });
  }
  for (let i = 0; i < flips; i++) {
    const bit = integer(rng, 0, 8 * payload - 1);
    changes.push(edited(`bit ${bit} flipped`, (f) => flipped(f, 8 * frameHeaderBytes + bit), true));
  }
  return changes;
}

/** One random bit of each field of the header. */
function headerFlips(frame: Uint8Array, rng: Rng): [string, Edit][] {
  const fields = {
    magic: [0, 2],
    version: [2, 1],
    tag: [3, 1],
    step: [4, 4],
    length: [8, 4],
    reserved: [12, 4],
  };
  return Object.entries(fields).map(([name, [from, bytes]]) => {
    const bit = 8 * from! + integer(rng, 0, 8 * bytes! - 1);
    return [`a bit of ${name} flipped`, (f) => flipped(f, bit)];
  });
}

function flipped(frame: Uint8Array, bit: number): Uint8Array {
  frame[bit >> 3]! ^= 1 << (bit & 7);
  return frame;
}

/** The payload cut or filled up with zeros, the header telling the truth. */
function resized(frame: Uint8Array, by: number): Uint8Array {
  const out = new Uint8Array(frame.length + by);
  out.set(frame.subarray(0, out.length));
  new DataView(out.buffer).setUint32(8, out.length - frameHeaderBytes, true);
  return out;
}
