import { z } from 'zod';
import { agreementBytes, tagName } from '../../crypto/channel/channel.ts';
import type { Channel, Tag } from '../../crypto/channel/channel.ts';
import { ProtocolError, RefusedError } from '../shared/errors.ts';
import { maxText, printable } from './printable.ts';

const planHash = z.string().regex(/^[0-9a-f]{64}$/);

// The messages by which the two ends of a session agree: JSON in UTF-8. All others are binary.

/** C -> S: what the client asks for. */
export const helloSchema = z.strictObject({
  /** The hash of the only plan that the client runs (default: any). */
  plan: planHash.optional(),
  /** The name of a model of the server (default: the one that `plan` names, or the server's first). */
  model: z.string().min(1).max(100).optional(),
});
export type Hello = z.infer<typeof helloSchema>;

const limitsSchema = z.strictObject({
  /** Inferences that the client may prepare ahead. */
  prepared: z.int().min(1),
  /** Inferences that one client may begin in any 60 s; null: no limit. */
  perMinute: z.int().min(1).nullable(),
  /** Seconds after which the server ends a session whose client is silent. */
  idleSeconds: z.number().positive(),
});
/** What a server allows a client. It says so when a session opens. */
export type Limits = z.infer<typeof limitsSchema>;

/** Why a request is not done now, and the seconds after which it may be; null: waiting does not help. */
const refusalSchema = z.strictObject({
  refused: z.string().max(maxText),
  retryAfter: z.number().min(0).max(86_400).nullable(),
});
export type Refusal = z.infer<typeof refusalSchema>;

/** S -> C, to a hello. */
export const termsSchema = z.union([z.strictObject({ limits: limitsSchema }), refusalSchema]);
export type Terms = z.infer<typeof termsSchema>;

/** S -> C, to a request to prepare. */
export const grantSchema = z.union([z.strictObject({ granted: z.literal(true) }), refusalSchema]);
export type Grant = z.infer<typeof grantSchema>;

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
export async function receiveJson<T>(
  channel: Channel,
  tag: Tag,
  step: number,
  schema: z.ZodType<T>,
): Promise<T> {
  const bytes = await channel.receive(tag, step, agreementBytes);
  const { data, error } = schema.safeParse(parsed(bytes));
  if (error === undefined) return data;
  const { path, message } = error.issues[0]!;
  throw new ProtocolError(`${[tagName(tag), ...path.map(String)].join('.')}: ${printable(message)}`);
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
