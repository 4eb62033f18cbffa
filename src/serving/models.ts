import { shareWeights } from '../../crypto/he/shared.ts';
import type { ServerWeights } from '../../pipelines/compile/quantise.ts';
import type { Plan } from '../../pipelines/plan/plan.ts';
import { offerOf } from '../net/handshake.ts';
import type { Offer } from '../net/handshake.ts';
import { UsageError } from '../shared/errors.ts';

/** A model to serve: what `prepare` made of it, and the name by which clients ask for it. */
export type ServedModel = {
  /** Default: the name in the plan. */
  readonly name?: string;
  readonly plan: Plan;
  readonly weights: ServerWeights;
};

/** `weightsName`: unique in this process, for the workers' caches. */
export type HostedModel = Offer & { readonly weights: ServerWeights; readonly weightsName: string };

let hosted = 0;
/** What is hosted again, after a reload, keeps what the workers have of it. By its weights, then its plan. */
const names = new WeakMap<ServerWeights, WeakMap<Plan, string>>();

function workersName(plan: Plan, weights: ServerWeights): string {
  const ofWeights = names.get(weights) ?? new WeakMap<Plan, string>();
  const name = ofWeights.get(plan) ?? `model ${hosted++}`;
  names.set(weights, ofWeights.set(plan, name));
  return name;
}

/** Throws UsageError if there is no model, or if two have the same name. */
export function hostedModels(models: readonly ServedModel[]): readonly HostedModel[] {
  const all = models.map(({ name, plan, weights }) => ({
    ...offerOf(plan, name),
    // Otherwise each inference would copy them for the threads.
    weights: new Map(
      [...weights].map(([step, own]) => [step, { ...own, weights: shareWeights(own.weights) }]),
    ),
    weightsName: workersName(plan, weights),
  }));
  if (all.length === 0) throw new UsageError('models: expected at least one, got none');
  const twice = all.find(({ name }, i) => all.findIndex((other) => other.name === name) !== i);
  if (twice === undefined) return all;
  throw new UsageError(`models: two have the name ${twice.name}; give each a name of its own`);
}
