import type { Model } from '../../../models/graph.ts';
import type { Stage } from '../../../models/analysis/inspect.ts';
import type { FitResult } from '../../../models/train/fit.ts';
import type { Sample } from '../polynomials/moments.ts';
import { finetune } from '../finetune.ts';
import { usePolynomials } from '../polynomials/replace.ts';
import type { Choice } from '../polynomials/replace.ts';
import type { ReductionOptions } from '../reduction.ts';

export type Stagewise = {
  /** What the chosen ReLUs are replaced in. */
  readonly model: Model;
  /** Distilled from. */
  readonly teacher: Model;
  readonly choice: Choice;
  /** From the input on. */
  readonly stages: readonly Stage[];
  readonly sample: Sample;
  /** The network was reshaped and has to recover before ReLUs go. */
  readonly recover: boolean;
};

/**
 * Replaces the chosen ReLUs and fine-tunes, stage by stage from the input on: an epoch for each stage, the rest of the epochs after the
 * last; stages that there are no epochs for go with the last. Each stage's polynomials are so fitted to what the trained ones before them
 * give, and do not multiply their errors. A ResNet-20 of 8, 16 and 32 channels on maps of 14 x 14 (fashion-mnist-part, 88.9 %) after
 * three epochs in batches of 128, a sixteenth of its ReLUs left: 84.5 % all at once, 87.4 % by stages; none left: 82.9 and 85.6 %. In
 * batches of 64, none left: 85.7 and 86.8 %, but 73.6 % by stages from the output on. After six epochs both have 87 %. resnet8 with a
 * quarter left: 92.8 and 92.9 %.
 */
export async function replaceStagewise(work: Stagewise, options: ReductionOptions): Promise<FitResult> {
  const phases = phasesOf(work, options.epochs);
  let { model } = work;
  for (const { name, choice } of phases.slice(0, -1)) {
    const replaced = await usePolynomials(model, choice, work.sample, options.replace);
    const own = { ...options, epochs: 1 };
    const part = { phase: 'fine-tuning-after', of: name } as const;
    model = (await finetune(replaced, work.teacher, part, own)).model;
  }
  const replaced = await usePolynomials(model, phases.at(-1)!.choice, work.sample, options.replace);
  const epochs = options.epochs - (phases.length - 1);
  return finetune(replaced, work.teacher, { phase: 'fine-tuning' }, { ...options, epochs });
}

export type Phase = { readonly name: string; readonly choice: Choice };

/** What goes before each fine-tuning: one phase at least, and no more than there are epochs. */
export function phasesOf({ choice, stages, recover }: Stagewise, epochs: number): Phase[] {
  const parts = stages.map(({ name, nodes }): Phase => {
    const own = [...choice].filter(([layer, chosen]) => nodes.includes(layer) && chosen.includes(1));
    return { name: `stage ${name}`, choice: new Map(own) };
  });
  const first = recover ? [{ name: 'reshaping', choice: new Map<string, Uint8Array>() }] : [];
  const phases = [...first, ...parts.filter((part) => part.choice.size > 0)];
  if (phases.length === 0) return [{ name: 'nothing', choice }];
  if (phases.length <= epochs) return phases;
  const last = phases.slice(epochs - 1);
  return [
    ...phases.slice(0, epochs - 1),
    { name: 'the rest', choice: new Map(last.flatMap((p) => [...p.choice])) },
  ];
}
