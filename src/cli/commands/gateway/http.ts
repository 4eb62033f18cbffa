import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { planHash } from '../../../../pipelines/plan/codec.ts';
import { asError, DataError, RefusedError, UsageError } from '../../../shared/errors.ts';
import { toJson } from '../../output/output.ts';
import { phaseTotals } from '../../output/phase.ts';
import type { Answer, Asker } from './asker.ts';
import { pixelsOf } from './picture.ts';

/** Bytes of the largest picture that is taken. */
const maxBody = 64 * 2 ** 20;

/** The only address: who can send a picture here may see it, so nobody on the network can. */
export const loopback = '127.0.0.1';

class HttpError extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** Answers pictures by POST with what the server's model says of them, as JSON. */
export function gatewayServer(asker: Asker): Server {
  return createServer((request, response) => {
    answer(asker, request).then(
      (value) => send(response, 200, value),
      (error: unknown) => sendError(response, error),
    );
  });
}

async function answer(asker: Asker, request: IncomingMessage): Promise<object> {
  checkCaller(request);
  if (request.method === 'GET') return describeModel(asker);
  if (request.method !== 'POST') throw new HttpError(405, 'expected GET or POST');
  const body = await bodyOf(request);
  return describeAnswer(await asker.infer((session) => pixelsOf(body, session)));
}

/**
 * Pages in a browser on this machine can send requests here too. They carry an Origin, or, where a name was
 * bent to this address, that name.
 */
function checkCaller({ headers: { host = '', origin } }: IncomingMessage): void {
  if (origin === undefined && /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/.test(host)) return;
  throw new HttpError(403, 'web pages may not use this gateway');
}

async function bodyOf(request: IncomingMessage): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength;
    if (bytes > maxBody) throw new HttpError(413, `expected a picture of at most ${maxBody} bytes`);
    chunks.push(chunk);
  }
  if (bytes === 0) throw new HttpError(400, 'expected a picture or a .npy array in the body');
  return Buffer.concat(chunks);
}

async function describeModel(asker: Asker): Promise<object> {
  const { plan, inputShape, limits } = await asker.session();
  return { model: plan.name, planHash: planHash(plan), inputShape, classes: plan.classes ?? null, limits };
}

function describeAnswer({ session, result }: Answer): object {
  const { label, logits, outputs, offline, online, outsideRange } = result;
  return {
    label,
    class: session.plan.classes?.[label] ?? null,
    logits: logits ?? null,
    outputs: outputs ?? null,
    outsideRange: outsideRange ?? null,
    offline: phaseTotals(offline),
    online: { ...phaseTotals(online), rounds: online.rounds },
  };
}

function sendError(response: ServerResponse, error: unknown): void {
  const reason = asError(error).message;
  if (error instanceof RefusedError) {
    const seconds = Math.ceil(error.retryAfter ?? 0);
    response.setHeader('retry-after', String(Math.max(seconds, 1)));
  }
  // The rest of a picture that is too large is not read.
  response.setHeader('connection', 'close');
  send(response, codeOf(error), { error: reason });
}

function codeOf(error: unknown): number {
  if (error instanceof HttpError) return error.code;
  if (error instanceof DataError || error instanceof UsageError) return 400;
  if (error instanceof RefusedError) return 429;
  return 502;
}

function send(response: ServerResponse, code: number, value: object): void {
  response.writeHead(code, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(`${JSON.stringify(toJson(value))}\n`);
}
