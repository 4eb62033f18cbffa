import { onlinePartBytes } from '../../crypto/steps/activation/messages.ts';
import type { ActivationSpec } from '../../crypto/spec.ts';
import { frames } from './frames.ts';
import type { ActivationPart } from './machine.ts';
import type { Link } from './network.ts';

/**
 * The seconds of an activation layer online. Its parts follow each other as in a flow shop: the server makes
 * one after the other, each goes down the wire behind the one before, the client answers it, the answer goes
 * up, and the server takes it. So both parties and both directions of the network work at the same time, and
 * a layer takes little more than its slowest place, and two delays. Before the server takes answers it makes
 * all parts.
 */
export function turnSeconds(
  spec: ActivationSpec,
  work: Readonly<Record<ActivationPart, number>>,
  { wire, ends, delay, message }: Pick<Link, 'wire' | 'ends' | 'delay' | 'message'>,
): number {
  const parts = sharesOf(spec);
  const [made, arrived, answered, returned] = [new Place(), new Place(), new Place(), new Place()];
  // Each end of a frame has half of what it costs, before it is on the wire or after.
  const end = (way: 'up' | 'down', bytes: number) => (message + bytes * ends[way]) / 2;
  const atServer = parts.map(({ share, bytes_down, bytes_up }) => {
    const [down, up] = [end('down', bytes_down), end('up', bytes_up)];
    const sent = made.after(0, work.message * share + down);
    const there = arrived.after(sent, bytes_down * wire) + delay;
    const replied = answered.after(there, down + work.reply * share + up);
    return returned.after(replied, bytes_up * wire) + delay;
  });
  return parts.reduce(
    (done, { share, bytes_up }, i) =>
      Math.max(done, atServer[i]!) + end('up', bytes_up) + work.finish * share,
    made.end,
  );
}

/** Does one piece of work after the other. */
class Place {
  end = 0;

  /** The time at which it has done the next piece, which is there at `ready`. */
  after(ready: number, seconds: number): number {
    this.end = Math.max(this.end, ready) + seconds;
    return this.end;
  }
}

/** Each part's frames, with headers, and its share of the layer's work. */
function sharesOf(spec: ActivationSpec) {
  const parts = onlinePartBytes(spec);
  const all = parts.reduce((sum, { message, reply }) => sum + message + reply, 0);
  return parts.map(({ message, reply }) => ({
    bytes_down: frames(message),
    bytes_up: frames(reply),
    share: all === 0 ? 1 / parts.length : (message + reply) / all,
  }));
}
