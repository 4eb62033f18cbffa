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
