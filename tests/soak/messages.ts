import { sizeOf } from '../../models/tensor.ts';
import type { Shape } from '../../models/tensor.ts';

export type Start = { readonly kind: 'measure' };

/** What the server measured since the last question; `delayP99` in milliseconds. */
export type Measured = {
  readonly kind: 'measured';
  readonly url: string;
  readonly inferences: number;
  readonly refused: Readonly<Record<string, number>>;
  readonly memory: Readonly<Record<'heapUsed' | 'external' | 'arrayBuffers' | 'rss', number>>;
  readonly delayP99: number;
};

/** Tells the other clients to ask without a pause, or to rest: they answer when nothing is under way. */
export type OthersAsk = { readonly kind: 'run' | 'rest' };

/** The answers that they have got so far. */
export type Others = { readonly kind: 'others'; readonly answers: number };

export function zeros(shape: Shape): Float32Array {
  return new Float32Array(sizeOf(shape));
}
