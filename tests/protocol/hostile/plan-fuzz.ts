import { predictCost } from '../../../pipelines/cost/bytes.ts';
import { serialisePlan } from '../../../pipelines/plan/codec.ts';
import { greetServer } from '../../../src/net/handshake.ts';
import { sendJson } from '../../../src/net/messages.ts';
import { encodeFrameHeader, tags } from '../../../crypto/channel/channel.ts';
import { memoryChannels } from '../../../crypto/channel/memory.ts';
import { ProtocolError } from '../../../src/shared/errors.ts';
import type { Rng } from '../../../src/shared/random.ts';
import { integer } from '../../helpers/protocol/convolution.ts';
import { labelPlan } from '../../helpers/protocol/label-plan.ts';
import { tinyPlan } from '../../helpers/networks/networks.ts';
import { testTerms } from '../../helpers/protocol/offers.ts';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type Slot = { readonly holder: Record<string, Json>; readonly key: string };

const strange: readonly Json[] = [
  ...[-1, 0, 1, 2, 3, 16, 29, 30, 31, 32, 1000, 65_536, 1_000_000, 2 ** 31, 2 ** 53, 0.5, 1e300],
  ...[null, true, '', 'AAAA', 'x'.repeat(300), [], [1], {}],
];

/** Every place of a document that holds something. */
function slots(value: Json): Slot[] {
  if (value === null || typeof value !== 'object') return [];
  const holder = value as Record<string, Json>;
  return Object.keys(holder).flatMap((key) => [{ holder, key }, ...slots(holder[key]!)]);
}

/** One answers with logits, one with the label. */
const plans = [tinyPlan, labelPlan(5, 12)];

/** A small plan's document with one to three values replaced. */
export function strangePlan(rng: Rng): Uint8Array {
  const document = JSON.parse(new TextDecoder().decode(serialisePlan(plans[integer(rng, 0, 1)]!))) as Json;
  for (let edits = integer(rng, 1, 3); edits > 0; edits--) {
    const places = slots(document);
    const { holder, key } = places[integer(rng, 0, places.length - 1)]!;
    holder[key] = structuredClone(strange[integer(rng, 0, strange.length - 1)]!);
  }
  return new TextEncoder().encode(JSON.stringify(document));
}

/** A client that is sent this plan: bytes of the session's start that it expects to send. */
export async function takePlan(bytes: Uint8Array): Promise<number> {
  const welcome = new Uint8Array([...encodeFrameHeader(tags.welcome, 0, bytes.byteLength), ...bytes]);
  const [client, server] = memoryChannels();
  await sendJson(server, tags.terms, 0, testTerms);
  client.deliver(welcome);
  server.close();
  return predictCost((await greetServer(client)).plan).session.bytes_up;
}

/**
 * What is wrong with how a client takes this plan from a server, or undefined: it must refuse it or be able
 * to run it.
 */
export async function planFault(bytes: Uint8Array): Promise<string | undefined> {
  try {
    await takePlan(bytes);
    return undefined;
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    return `${String(error)} for ${new TextDecoder().decode(bytes)}`;
  }
}
