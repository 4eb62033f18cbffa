import type { Shape } from '../../models/tensor.ts';

/** What a page learns from its server before any session, as about.json. All of it is public. */
export type About = {
  /** The networks that may be asked, in the order in which the page shows them. */
  readonly models: readonly AboutModel[];
  /** Pictures to try, of a public data set. */
  readonly samples: readonly Sample[];
  /** What the server is still making, in words; the page then asks again. */
  readonly pending?: string;
};

export type AboutModel = {
  /** The name under which the server offers it. */
  readonly name: string;
  /** For people. */
  readonly title: string;
  readonly planHash: string;
  /** The shape [C, H, W] of its input. */
  readonly shape: Shape;
  /** Elements with a sign test, which are what private inference pays for. */
  readonly relus: number;
  /** The part of these many test images that it gets right in the clear, if that was measured. */
  readonly tested?: { readonly accuracy: number; readonly images: number };
};

export type Sample = {
  readonly label: string;
  readonly shape: Shape;
  /** Bytes [C, H, W] in base64. */
  readonly pixels: string;
};
