import { sha256 } from '@noble/hashes/sha2.js';
import { predictCost } from '../../pipelines/cost/bytes.ts';
import type { NetworkProfile } from '../../pipelines/cost/profiles.ts';
import { settingsFor } from '../../pipelines/cost/transfer-settings.ts';
import type { TransferSettings } from '../../pipelines/cost/transfer-settings.ts';
import { maxPlanBytes, parsePlan, planHash, serialisePlan } from '../../pipelines/plan/codec.ts';
import type { TransferMode } from '../../pipelines/inference/layer-transfers.ts';
import type { Plan } from '../../pipelines/plan/plan.ts';
import { tags } from '../../crypto/channel/channel.ts';
import type { Channel } from '../../crypto/channel/channel.ts';
import { defined } from '../shared/defined.ts';
import { PlanError, ProtocolError, UsageError } from '../shared/errors.ts';
import { toHex } from '../shared/text.ts';
import { printable } from './printable.ts';
import {
  acceptSchema,
  helloSchema,
  longestName,
  maxHeld,
  notRefused,
  receiveJson,
  sendJson,
  termsSchema,
} from './messages.ts';
import type { Accept, Hello, Refusal, Terms } from './messages.ts';

/**
 * The first four messages of a session, between the client C and the server S:
 *
 *   C -> S  hello    which plan C expects, which model it asks for
 *   S -> C  terms    what S allows C; or why it refuses, and when to try again
 *   S -> C  welcome  the plan
 *   C -> S  accept   the plan's hash, and how transfers are drawn: with parameters of which name
 *
 * The version of the protocol is in the header of every frame. A mismatch ends the session on both sides with
 * one line.
 */
const step = 0;

/** What a client may ask for: nothing, so that it takes the server's first model, or by hash or by name. */
export type Wanted = {
  readonly planHash?: string;
  readonly model?: string;
  /** 1 to 8 (default: what suits the network). */
  readonly transferDepth?: number;
  /** Default: auto. */
  readonly transfers?: TransferMode;
  /** The network between the parties, for what is done first on it (default: `usualNetwork`). */
  readonly profile?: NetworkProfile;
  /** The token of a page, which cannot send headers. */
  readonly token?: string;
  /** A session that it continues. */
  readonly resume?: { readonly ticket: string; readonly held: readonly number[] };
};

export type Greeting = Exclude<Terms, Refusal> & {
  readonly plan: Plan;
  readonly transfers: TransferSettings;
};

/**
 * The client's half. `planHash` is 64 hex digits. Returns the server's plan and its terms. Throws UsageError,
 * before anything is sent, when `planHash` is no hash or the token and the model's name are too long,
 * RefusedError when the server has no place now, and ProtocolError when its plan has another hash or cannot
 * be run.
 */
export async function greetServer(channel: Channel, wanted: Wanted = {}): Promise<Greeting> {
  const { planHash: given, model, token, resume } = wanted;
  const expected = given === undefined ? undefined : checkedHash(given);
  checkWords({ model, token });
  const { ticket, held } = resume ?? {};
  // A server that grants more than it may is not told of all when the session goes on.
  const told = held?.slice(0, maxHeld);
  const hello: Hello = defined({ plan: expected, model, token, ticket, held: told });
  await sendJson(channel, tags.hello, step, hello);
  const terms = await receiveJson(channel, tags.terms, step, termsSchema);
  notRefused(terms);
  const welcome = await channel.receiveUpTo(tags.welcome, step, maxPlanBytes);
  // Plans are read in their canonical form only, so the hash of the bytes is that of the plan. A wrong plan
  // is refused before it is parsed.
  const hash = toHex(sha256(welcome));
  if (expected !== undefined && hash !== expected) {
    throw new ProtocolError(`plan: expected ${expected}, the server sent ${hash}`);
  }
  const plan = runnable(parsePlan(welcome));
  const { transferDepth: depth, transfers: mode, profile } = wanted;
  const transfers = settingsFor(plan, { depth, mode, profile });
  const accept = { plan: hash, transfers: { depth: transfers.depth, ...transfers.sources } };
  await sendJson(channel, tags.accept, step, accept satisfies Accept);
  return { ...terms, plan, transfers };
}

/** A plan that a server offers under a name. */
export type Offer = { readonly name: string; readonly plan: Plan; readonly hash: string };

export function offerOf(plan: Plan, name: string = plan.name): Offer {
  return { name, plan, hash: planHash(plan) };
}

/** What a server answers to a hello, if it takes the client. */
export type Opening = { readonly offer: Offer; readonly terms: Exclude<Terms, Refusal> };

/**
 * The server's half. Returns what it opened, and how the client has transfers drawn. Throws ProtocolError
 * when the client accepts another plan, or names parameters that no session has.
 */
export async function greetClient<O extends Opening>(
  channel: Channel,
  open: (hello: Hello) => O | Promise<O>,
): Promise<O & { readonly transfers: TransferSettings }> {
  const opening = await open(await receiveJson(channel, tags.hello, step, helloSchema));
  const { offer, terms } = opening;
  await sendJson(channel, tags.terms, step, terms satisfies Terms);
  await channel.send(tags.welcome, step, serialisePlan(offer.plan));
  const accepted = await receiveJson(channel, tags.accept, step, acceptSchema);
  const { depth, ...sources } = accepted.transfers;
  if (accepted.plan === offer.hash) return { ...opening, transfers: { depth, sources } };
  throw new ProtocolError(`plan: the client accepted ${accepted.plan}, expected ${offer.hash}`);
}

/** Refuses a client that may come again, in place of `greetClient`. */
export async function refuseClient(channel: Channel, refusal: Refusal): Promise<void> {
  await sendJson(channel, tags.terms, step, refusal satisfies Terms);
}

/** The offer that a client asks for. Throws ProtocolError if there is none. */
export function chosenOffer<O extends Offer>(offers: readonly O[], { plan, model }: Hello): O {
  const named = model === undefined ? offers : offers.filter(({ name }) => name === model);
  const names = offers.map(({ name }) => name).join(', ');
  if (named.length === 0) {
    throw new ProtocolError(`model: this server has ${names}, not ${printable(model ?? '')}`);
  }
  const found = plan === undefined ? named[0] : named.find(({ hash }) => hash === plan);
  if (found !== undefined) return found;
  const hashes = named.map(({ hash }) => hash).join(', ');
  throw new ProtocolError(`plan: the client expects ${plan ?? ''}, this server runs ${hashes}`);
}

/**
 * The plan, if the cryptography can run its steps. Here a plan that it refuses is the fault of the server,
 * not of a model.
 */
function runnable(plan: Plan): Plan {
  try {
    predictCost(plan);
    return plan;
  } catch (error) {
    if (error instanceof PlanError) throw new ProtocolError(`plan: ${error.message}`);
    throw error;
  }
}

/**
 * Bytes of JSON that a client's own words may take, so that a hello that continues its session has room for
 * them beside the plan's hash, the ticket and the numbers of what is prepared.
 */
const longestWords = 512;

/** Throws UsageError for a name of a model or a token that fit no hello of the session. */
function checkWords(words: { readonly model: string | undefined; readonly token: string | undefined }): void {
  const bytes = new TextEncoder().encode(JSON.stringify(words)).length;
  if (bytes <= longestWords && (words.model?.length ?? 0) <= longestName) return;
  throw new UsageError(
    `token and model: expected at most ${longestWords} bytes together, in a name ${longestName} characters`,
  );
}

function checkedHash(text: string): string {
  if (/^[0-9a-f]{64}$/i.test(text)) return text.toLowerCase();
  throw new UsageError(`plan hash: expected 64 hexadecimal digits, got ${text.length} characters`);
}
