import type { Plan } from '../../../pipelines/plan/plan.ts';
import { chosenOffer, offerOf } from '../../../src/net/handshake.ts';
import type { Offer, Opening } from '../../../src/net/handshake.ts';
import type { Hello } from '../../../src/net/messages.ts';

/** What a server says to a client that greets it, for tests without a server. */
export const testTerms: Opening['terms'] = {
  limits: { prepared: 4, perMinute: null, idleSeconds: 300, resumeSeconds: 60 },
  ticket: '5'.repeat(64),
  kept: [],
};

/** How a server of these plans opens a session. */
export const offering =
  (...offers: readonly (Plan | Offer)[]) =>
  (hello: Hello): Opening => {
    const all = offers.map((offer) => ('hash' in offer ? offer : offerOf(offer)));
    return { offer: chosenOffer(all, hello), terms: testTerms };
  };
