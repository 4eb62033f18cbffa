import { agreementBytes, tagName } from '../../crypto/channel/channel.ts';
import { greatestDepth, leastDepth } from '../../crypto/ot/blocks.ts';
import { sessionSources } from '../../crypto/ot/session.ts';
import type { SessionSource } from '../../crypto/ot/session.ts';
import type { Channel, Tag } from '../../crypto/channel/channel.ts';
import { ProtocolError, RefusedError } from '../shared/errors.ts';
import { either, integer, list, Malformed, number, oneOf, record, text } from '../shared/json-check.ts';
import type { Check } from '../shared/json-check.ts';
import { longestToken } from './token.ts';
import { maxText, printable } from './printable.ts';

/** The most inferences that may be prepared ahead, so that their numbers fit into a hello. */
export const maxHeld = 32;

/** Characters of a model's name in a hello. */
export const longestName = 100;

const planHash = text(64, /^[0-9a-f]{64}$/, '64 hexadecimal digits');
const ticket = planHash;
/** Prepared inferences are numbered from 1 in a session, through all its connections. */
const materialNumber = integer(1, 1e9);
const materialNumbers = list(materialNumber, 0, maxHeld);

// The messages by which the two ends of a session agree: JSON in UTF-8. All others are binary.

/** C -> S: what the client asks for. */
export type Hello = {
  /** The hash of the only plan that the client runs (default: any). */
  readonly plan?: string;
  /** The name of a model of the server (default: the one that `plan` names, or the server's first). */
  readonly model?: string;
  /** The token of a page, which cannot send headers. */
  readonly token?: string;
  /** The ticket of a session that the client lost and continues. */
  readonly ticket?: string;
  /** The numbers of the prepared inferences that the client still has of it. */
  readonly held?: readonly number[];
};
// The bundle of a page leaves out what is marked as pure and not used: only servers read these two.
export const helloSchema: Check<Hello> = /* @__PURE__ */ record(
  {},
  {
    plan: planHash,
    model: text(longestName, /./, 'a name'),
    token: text(longestToken),
    ticket,
    held: materialNumbers,
  },
);

/** C -> S, to a plan: that the client runs it, and how transfers are drawn. */
export type Accept = {
  readonly plan: string;
  readonly transfers: {
    /** Of the trees of SoftSpokenOT. */
    readonly depth: number;
    /** What the transfers come from in which the client chooses, and those in which the server does. */
    readonly up: SessionSource;
    readonly down: SessionSource;
  };
};
const source = oneOf(...sessionSources);
export const acceptSchema: Check<Accept> = /* @__PURE__ */ record({
  plan: planHash,
  transfers: record({ depth: integer(leastDepth, greatestDepth), up: source, down: source }),
});

/** What a server allows a client. It says so when a session opens. */
export type Limits = {
  /** Inferences that the client may prepare ahead. */
  readonly prepared: number;
  /** Inferences that one client may begin in any 60 s; null: no limit. */
  readonly perMinute: number | null;
  /** Seconds after which the server ends a session whose client is silent. */
  readonly idleSeconds: number;
  /** Seconds for which a client that lost its connection may continue its session; 0: it may not. */
  readonly resumeSeconds: number;
};
const limits: Check<Limits> = record({
  prepared: integer(1, Number.MAX_SAFE_INTEGER),
  perMinute: either(oneOf(null), integer(1, Number.MAX_SAFE_INTEGER)),
  idleSeconds: number(Number.MIN_VALUE),
  resumeSeconds: number(0),
});

/** Why a request is not done now, and the seconds after which it may be; null: waiting does not help. */
export type Refusal = { readonly refused: string; readonly retryAfter: number | null };
const refusal: Check<Refusal> = record({
  refused: text(maxText),
  retryAfter: either(oneOf(null), number(0, 86_400)),
});

/** S -> C, to a hello. */
export type Terms = Taken | Refusal;
type Taken = {
  readonly limits: Limits;
  /** With it the client continues the session over another connection. */
  readonly ticket: string;
  /** The numbers of the prepared inferences that both parties still have. */
  readonly kept: readonly number[];
};
export const termsSchema: Check<Terms> = either(refusal, record({ limits, ticket, kept: materialNumbers }));

/** S -> C, to a request to prepare: the number of the inference that is prepared now. */
export type Grant = { readonly granted: number } | Refusal;
export const grantSchema: Check<Grant> = either(refusal, record({ granted: materialNumber }));

const space = 0x20;

export function sendJson(channel: Channel, tag: Tag, step: number, value: object): Promise<void> {
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  if (bytes.byteLength > agreementBytes) {
    throw new RangeError(`${tagName(tag)}: ${bytes.byteLength} bytes, the most is ${agreementBytes}`);
  }
  const padded = new Uint8Array(agreementBytes).fill(space);
  padded.set(bytes);
  return channel.send(tag, step, padded);
}

/** Receives a message of this form. Throws ProtocolError for any other. */
export async function receiveJson<T>(channel: Channel, tag: Tag, step: number, schema: Check<T>): Promise<T> {
  const bytes = await channel.receive(tag, step, agreementBytes);
  try {
    return schema(parsed(bytes), [tagName(tag)]);
  } catch (error) {
    if (error instanceof Malformed) throw new ProtocolError(printable(error.message));
    throw error;
  }
}

/** Undefined, which fits no message, for bytes that are not JSON. */
function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}

/** Throws RefusedError if the answer is a refusal. */
export function notRefused<T extends object>(answer: T | Refusal): asserts answer is T {
  if (!('refused' in answer)) return;
  throw new RefusedError(printable(answer.refused), answer.retryAfter ?? undefined);
}
