import type { Model } from '../graph.ts';
import { activationsBehindMaxPools } from '../passes/activations-behind-max-pools.ts';
import { mergePads } from '../passes/merges/merge-pad.ts';
import { mergeReshapes } from '../passes/merges/merge-reshapes.ts';
import { recogniseActivations } from '../passes/recognise-activations.ts';
import { recogniseMixed } from '../passes/recognise-mixed.ts';

/** The network in the form that the rest of the program knows. */
export function readable(model: Model): Model {
  return activationsBehindMaxPools(recogniseMixed(recogniseActivations(mergeReshapes(mergePads(model)))));
}
