import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { predictCost } from '../../pipelines/cost/bytes.ts';
import { planHash, maxPlanBytes, parsePlan, serialisePlan } from '../../pipelines/plan/codec.ts';
import type { Plan } from '../../pipelines/plan/plan.ts';
import { tags } from '../../crypto/channel/channel.ts';
import type { Channel } from '../../crypto/channel/channel.ts';
import { PlanError, ProtocolError, UsageError } from '../shared/errors.ts';

/**
 * The first three messages of a session, between the client C and the server S:
 *
 *   C -> S  hello    a flag, and the hash of the plan that C expects (zeros when it takes any)
 *   S -> C  welcome  the plan
 *   C -> S  accept   the plan's hash
 *
 * The version of the protocol is in the header of every frame. A mismatch ends the session on both sides with
 * one line.
 */
const step = 0;
const hashBytes = 32;

/**
 * The client's half. `expected` is 64 hex digits (default: any plan is taken). Returns the server's plan.
 * Throws UsageError when `expected` is no hash, ProtocolError when the server's plan has another or cannot be
 * run.
 */
export async function greetServer(channel: Channel, expected?: string): Promise<Plan> {
  const wanted = expected === undefined ? undefined : parseHash(expected);
  const hello = new Uint8Array(1 + hashBytes);
  if (wanted !== undefined) {
    hello[0] = 1;
    hello.set(wanted, 1);
  }
  await channel.send(tags.hello, step, hello);
  const welcome = await channel.receiveUpTo(tags.welcome, step, maxPlanBytes);
  // Plans are read in their canonical form only, so the hash of the bytes is that of the plan. A wrong plan
  // is refused before it is parsed.
  const hash = bytesToHex(sha256(welcome));
  if (expected !== undefined && hash !== expected.toLowerCase()) {
    throw new ProtocolError(`plan: expected ${expected}, the server sent ${hash}`);
  }
  const plan = runnable(parsePlan(welcome));
  await channel.send(tags.accept, step, Buffer.from(hash, 'hex'));
  return plan;
}

/** The server's half. Throws ProtocolError when the client expects or accepts another plan. */
export async function greetClient(channel: Channel, plan: Plan): Promise<void> {
  const hash = planHash(plan);
  const hello = await channel.receive(tags.hello, step, 1 + hashBytes);
  if (hello[0]! > 1) throw new ProtocolError(`hello: expected a flag of 0 or 1, got ${hello[0]!}`);
  const wanted = Buffer.from(hello.subarray(1)).toString('hex');
  if (hello[0] === 1 && wanted !== hash) {
    throw new ProtocolError(`plan: the client expects ${wanted}, this server runs ${hash}`);
  }
  await channel.send(tags.welcome, step, serialisePlan(plan));
  const accepted = Buffer.from(await channel.receive(tags.accept, step, hashBytes)).toString('hex');
  if (accepted !== hash) throw new ProtocolError(`plan: the client accepted ${accepted}, expected ${hash}`);
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

function parseHash(text: string): Uint8Array {
  if (!/^[0-9a-f]{64}$/i.test(text)) {
    throw new UsageError(`plan hash: expected 64 hexadecimal digits, got ${text.length} characters`);
  }
  return Buffer.from(text, 'hex');
}
