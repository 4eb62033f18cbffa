import { offerOf } from '../../src/net/handshake.ts';
import type { Offer } from '../../src/net/handshake.ts';
import type { Limits } from '../../src/net/messages.ts';
import type { Plan } from '../../pipelines/plan/plan.ts';

/** What a server says to a client that greets it, for tests without a server. */
export const testLimits: Limits = { prepared: 4, perMinute: null, idleSeconds: 300 };

/** The offers and limits of a server with one plan. */
export const offering = (plan: Plan): [Offer[], Limits] => [[offerOf(plan)], testLimits];
