import { choicesFor, weighedInferences } from '../../../pipelines/cost/transfer-settings.ts';
import type { TransferChoice } from '../../../pipelines/cost/transfer-settings.ts';
import { profileNames, profiles } from '../../../pipelines/cost/profiles.ts';
import type { TransferMode } from '../../../pipelines/inference/layer-transfers.ts';
import type { Plan } from '../../../pipelines/plan/plan.ts';
import * as format from '../../shared/format.ts';
import { table } from './output.ts';

/** What a client's transfers come from on each network, and why. */
export type TransferChoices = {
  readonly profile: string;
  /** Those in which the client chooses, and those in which the server does. */
  readonly up: TransferChoice;
  readonly down: TransferChoice;
};

export function transferChoices(plan: Plan, mode: TransferMode): TransferChoices[] {
  return profileNames.map((profile) => ({
    profile,
    ...choicesFor(plan, { mode, profile: profiles[profile] }),
  }));
}

/** What is taken, beside the predicted seconds that `auto` compares. */
export function transferTable(plan: Plan, mode: TransferMode): string {
  const rows = transferChoices(plan, mode).flatMap(({ profile, ...ways }) =>
    (['down', 'up'] as const).map((way) => [
      profile,
      way === 'down' ? 'server' : 'client',
      format.count(ways[way].count),
      format.duration(ways[way].seconds.softspoken),
      format.duration(ways[way].seconds.s16),
      ways[way].source === 'softspoken' ? 'SoftSpoken' : 'silent (s16)',
    ]),
  );
  const columns = [
    { title: 'network', align: 'left' },
    { title: 'who chooses', align: 'left' },
    { title: 'transfers' },
    { title: 'SoftSpoken' },
    { title: 'silent' },
    { title: 'taken', align: 'left' },
  ] as const;
  const why =
    mode === 'auto'
      ? `--transfers auto takes the source with fewer seconds in ${weighedInferences} inferences, those of both parties and of the wire added`
      : `--transfers ${mode}; seconds are those of ${weighedInferences} inferences`;
  return `${table(columns, rows)}\n${why}`;
}
