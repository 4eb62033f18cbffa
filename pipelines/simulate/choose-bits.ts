import { pixels } from '../../models/data/dataset.ts';
import type { Dataset } from '../../models/data/dataset.ts';
import { permutation, seededUniform } from '../../models/data/seeded.ts';
import { defined } from '../../src/shared/defined.ts';
import { PlanError } from '../../src/shared/errors.ts';
import * as format from '../../src/shared/format.ts';
import { silent } from '../../src/shared/progress.ts';
import type { OnProgress } from '../../src/shared/progress.ts';
import { defaultCompileOptions } from '../compile/options.ts';
import type { CompileOptions } from '../compile/options.ts';
import { quantise } from '../compile/quantise.ts';
import { calibrationImages, calibrationOf, replanned } from '../compile/served-plan.ts';
import type { Prepared } from '../compile/served-plan.ts';
import { agreementOn, imagesWithin, judged } from './agreement.ts';
import type { Agreement, Judged } from './agreement.ts';
import { confidence, fewestImages, leastShare } from './agreement-bound.ts';
import { bitsInOrder, bytesOf } from './bits-in-order.ts';
import type { Bits } from './bits-in-order.ts';
import { divergenceOn, worthwhile } from './shorter-tests.ts';

/**
 * The bits of whole plans, from the most exact on. Bits of activations buy bytes, bits of weights hardly any:
 * on fashion-resnet8 an answer takes 8.6 MB with 10 bits of activations, 8.4 with 8, 7.3 with 6 and 7.0 with
 * 5, and a bit of all weights less than 0.02 MB whatever the layer, so that weights keep five bits more.
 */
export const ladder: readonly Bits[] = [
  { activationBits: 10, weightBits: 14 },
  { activationBits: 8, weightBits: 12 },
  { activationBits: 7, weightBits: 12 },
  { activationBits: 6, weightBits: 11 },
  { activationBits: 5, weightBits: 10 },
  { activationBits: 4, weightBits: 9 },
];

/** What was found with some bits, and what an answer takes in both phases and directions. */
export type TriedBits = Bits & Agreement & { readonly bytes: number };

export type ChosenBits = {
  readonly bits: Bits;
  /** The step of those bits: the last of `tried` that reaches what is wanted. */
  readonly found: TriedBits;
  readonly wanted: number;
  readonly tried: readonly TriedBits[];
  /** What speaks against the choice; undefined if the images show the agreement. */
  readonly warning: string | undefined;
};

export type ChooseBitsOptions = {
  /** The options of the plan but for its bits (default: the compiler's). */
  readonly compileOptions?: Partial<CompileOptions>;
  /**
   * Whether each layer's sign tests are as short as it allows, where no windows are given (default: true).
   */
  readonly byLayer?: boolean;
  readonly onProgress?: OnProgress;
};

/** Of the images that calibrate, so many order the steps. */
const orderingImages = 64;

/** Of the divergences by which steps are ordered: that of the answers' own probabilities. */
const temperature = 1;

/**
 * The fewest bytes at which private answers have the float model's label on a share `wanted` of images, by
 * simulation on training images that did not calibrate the plan, if there are enough. Sign tests are
 * shortened layer by layer (`bitsInOrder`); without `byLayer`, and where the options give windows, the
 * ladder is walked. The steps and their order follow from the calibration images alone. They are walked from
 * the most exact one that fits the ring on, and the walk ends before the first that the images do not show
 * to agree with 95 % confidence: tested in a fixed order, all steps together are wrong no more often than
 * one. Throws PlanError if the most exact step does not reach it.
 */
export async function chooseBits(
  prepared: Prepared,
  train: Dataset,
  wanted: number,
  { compileOptions = {}, byLayer = true, onProgress = silent }: ChooseBitsOptions = {},
): Promise<ChosenBits> {
  const images = await judgedImages(prepared, train, wanted);
  const fitting = ladder.slice(firstThatFits(prepared, compileOptions));
  const isByLayer = byLayer && (compileOptions.k ?? 'free') === 'free';
  const steps = isByLayer ? await stepsByLayer(prepared, train, fitting, compileOptions) : fitting;
  const tried: TriedBits[] = [];
  for (const bits of steps) {
    const { plan, weights } = withBits(prepared, bits, compileOptions);
    const bytes = bytesOf(plan);
    const [last] = tried.slice(-1);
    if (last !== undefined && bytes > worthwhile * last.bytes) continue;
    const agreement = await agreementOn({ plan, weights }, images, onProgress);
    tried.push({ ...bits, ...agreement, bytes });
    if (!reaches(agreement, wanted)) break;
  }
  const best = tried.findLast((one) => reaches(one, wanted));
  if (best === undefined) throw new PlanError(unreached(tried[0]!, wanted));
  const { activationBits, weightBits, leftOut } = best;
  const bits = { activationBits, weightBits, ...defined({ leftOut }) };
  return { bits, found: best, wanted, tried, warning: tooFewImages(images.n, wanted) };
}

/** What the graph says of layers that are not shortened stays. */
async function stepsByLayer(
  prepared: Prepared,
  train: Dataset,
  fitting: readonly Bits[],
  compileOptions: Partial<CompileOptions>,
): Promise<Bits[]> {
  const { images, n } = calibrationOf(train);
  const few = Math.min(n, orderingImages);
  const sample = { images: images.subarray(0, (images.length / n) * few), n: few };
  const divergenceOf = await divergenceOn(prepared.model, sample, temperature);
  // The divergence is that of logits, also where only labels are opened.
  const wholes = fitting.map((bits) => ({
    bits,
    ...withBits(prepared, bits, { ...compileOptions, answer: 'logits' }),
  }));
  const { mode } = { ...defaultCompileOptions, ...compileOptions };
  const own = compileOptions.leftOut ?? prepared.model.graph.leftOut;
  const steps = await bitsInOrder(wholes, mode, divergenceOf);
  return steps.map(({ bits: { leftOut, ...bits } }) =>
    leftOut === undefined ? bits : { ...bits, leftOut: { ...own, ...leftOut } },
  );
}

/** An agreement, and whether the images show the share that is wanted. */
export type ShownAgreement = Agreement & { readonly isShown: boolean };

/** Whether the answers of a plan agree as wanted, judged as `chooseBits` judges. */
export async function shownAgreement(
  prepared: Prepared,
  train: Dataset,
  wanted: number,
  onProgress: OnProgress = silent,
): Promise<ShownAgreement> {
  const found = await agreementOn(prepared, await judgedImages(prepared, train, wanted), onProgress);
  return { ...found, isShown: reaches(found, wanted) };
}

/** The first step whose integers fit the ring; the last one throws its PlanError if none does. */
function firstThatFits(prepared: Prepared, compileOptions: Partial<CompileOptions>): number {
  return ladder.findIndex((bits, i) => {
    try {
      withBits(prepared, bits, compileOptions);
      return true;
    } catch (error) {
      if (!(error instanceof PlanError) || i === ladder.length - 1) throw error;
      return false;
    }
  });
}

/** The prepared model with other bits. */
export function withBits(
  prepared: Prepared,
  bits: Bits,
  compileOptions: Partial<CompileOptions> = {},
): Prepared {
  const plan = replanned(prepared, { ...compileOptions, ...bits });
  return { ...prepared, plan, weights: quantise(prepared.model, plan) };
}

/** Images can show an agreement only if there are enough of them; else what they have must do. */
function reaches({ agree, images }: Agreement, wanted: number): boolean {
  const isEnough = images >= fewestImages(wanted);
  return (isEnough ? leastShare(agree, images) : agree / images) >= wanted;
}

/**
 * Twice as many images as an agreement needs, so that one may differ; of a large network no more than take
 * two minutes of a thread, but as many as it needs. Those that calibrated come last.
 */
async function judgedImages({ model }: Prepared, train: Dataset, wanted: number): Promise<Judged> {
  const needed = fewestImages(wanted);
  const n = Math.min(train.n, Math.max(needed, Math.min(2 * needed, imagesWithin(model, 120))));
  const order = permutation(train.n, seededUniform(1));
  const rows = [...order.subarray(calibrationImages), ...order.subarray(0, calibrationImages)].slice(0, n);
  return judged(model, pixels(train, rows), n);
}

function unreached({ agree, images }: Agreement, wanted: number): string {
  const found = `${format.count(agree)} of ${format.count(images)} labels are the model's`;
  const shown = `show ${format.percent(leastShare(agree, images))} with ${format.percent(confidence)} confidence`;
  return (
    `no choice of bits reaches an agreement of ${format.percent(wanted)}: with the most bits ${found}, which ${shown}; ` +
    (agree / images >= wanted
      ? 'give more images with --data, or ask for less (--agreement)'
      : 'give images like those of the training with --data, make sign tests exact (--k 0), or ask for less (--agreement)')
  );
}

function tooFewImages(n: number, wanted: number): string | undefined {
  const needed = fewestImages(wanted);
  if (n >= needed) return undefined;
  return (
    `${format.count(n)} images cannot show an agreement of ${format.percent(wanted)} with ` +
    `${format.percent(confidence)} confidence: that takes at least ${format.count(needed)}, and these show at most ` +
    `${format.percent(leastShare(n, n))}; the bits are the cheapest that reach it on these images`
  );
}
