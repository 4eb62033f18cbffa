import { ProtocolError } from '../../src/shared/errors.ts';

/** What has crossed the wire, seen from this party. Bytes include the frame headers. */
export type Traffic = { sent: number; received: number; framesSent: number; framesReceived: number };

/**
 * An ordered, reliable pipe of framed messages between two parties. A frame carries a tag (which message of
 * the protocol), a step (which step of the plan), which part of the message it is, and a payload. `receive`
 * accepts exactly the tag, step, part and length it is asked for. Anything else ends the session with a
 * ProtocolError that names the step, what was expected and what came.
 */
export interface Channel {
  /**
   * Resolves when the frame has been handed on and the peer is not too far behind. The payload is not copied,
   * so the caller must not write to it afterwards. `part` is the number of the part, where a message comes in
   * several frames (parts.ts; default: 0).
   */
  send(tag: Tag, step: number, payload: Uint8Array, part?: number): Promise<void>;
  /**
   * Accepts a payload of exactly `length` bytes, the part of this number of its message (default: 0). Rejects
   * with ProtocolError when the peer leaves or sends anything else.
   */
  receive(tag: Tag, step: number, length: number, part?: number): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * Like `receive`, for the few messages whose length is not known beforehand. Accepts up to `maxLength`
   * bytes.
   */
  receiveUpTo(tag: Tag, step: number, maxLength: number): Promise<Uint8Array<ArrayBuffer>>;
  readonly traffic: Readonly<Traffic>;
  close(reason?: Error): void;
}

/**
 * What a frame belongs to. Frames of one sequence have one order. An offline and an online phase may run at
 * the same time, and beside them the client may ask for the next; between sequences there is no order.
 */
export type Sequence = 'session' | 'offline' | 'online';

/** A channel on which sequences may run beside each other. */
export interface SharedChannel extends Channel {
  /**
   * From now on frames of this sequence may come at any time, until the function that is returned is called.
   * While no sequence is open, all frames are one sequence.
   */
  open(sequence: Sequence): () => void;
}

/** The sequence of a message, by its tag. */
export function sequenceOf(tag: number): Sequence {
  if (tag < firstOffline) return 'session';
  return tag < firstOnline ? 'offline' : 'online';
}
const [firstOffline, firstOnline] = [32, 64];

/** The number of every message of the protocol. The numbers are on the wire. */
export const tags = {
  hello: 1,
  welcome: 2,
  accept: 3,
  failure: 4,
  request: 5,
  terms: 6,
  grant: 7,
  baseOtKey: 16,
  baseOtPoints: 17,
  hePublicKey: 18,
  otTrees: 19,
  heSeedPart: 20,
  baseOtFlips: 21,
  linearRequest: 32,
  linearResponse: 33,
  otExtension: 48,
  tables: 49,
  otCorrections: 50,
  otCheck: 51,
  masked: 64,
  activation: 65,
  output: 66,
} as const;
export type Tag = (typeof tags)[keyof typeof tags];

/**
 * The payload bytes of a message in JSON, by which the two ends agree on what comes next. Spaces fill it up,
 * so that its length tells nothing and the bytes of a session follow from the plan.
 */
export const agreementBytes = 1024;

export const frameHeaderBytes = 16;
/** The most bytes of a payload: its length is a u32 of the header. */
export const maxPayloadBytes: number = 2 ** 32 - 1;
/** The greatest number of a part, which is a u16 of the header. */
const mostPart = 2 ** 16 - 1;
const magic = 0x524c; // 'LR' little-endian

/**
 * A frame is this header and the payload. The header is little-endian: magic u16, version u8, tag u8, step
 * u32, length u32, part u16, reserved u16 (zero). Throws RangeError for a payload of more than
 * `maxPayloadBytes` and for a part of more than 16 bits.
 */
export function encodeFrameHeader(tag: Tag, step: number, length: number, part = 0): Uint8Array<ArrayBuffer> {
  if (length > maxPayloadBytes) {
    throw new RangeError(`frame: expected a payload of at most ${maxPayloadBytes} bytes, got ${length}`);
  }
  if (part > mostPart) throw new RangeError(`frame: expected a part of at most ${mostPart}, got ${part}`);
  const header = new Uint8Array(frameHeaderBytes);
  const view = new DataView(header.buffer);
  view.setUint16(0, magic, true);
  view.setUint8(2, protocolVersion);
  view.setUint8(3, tag);
  view.setUint32(4, step, true);
  view.setUint32(8, length, true);
  view.setUint16(12, part, true);
  return header;
}

/** Every change of the wire raises it by one. */
export const protocolVersion = 3;

export type FrameHeader = {
  readonly tag: number;
  readonly step: number;
  readonly length: number;
  readonly part: number;
};

/**
 * Throws ProtocolError for a header that is too short, has another magic or version, or has reserved bits
 * set.
 */
export function decodeFrameHeader(bytes: Uint8Array): FrameHeader {
  if (bytes.byteLength < frameHeaderBytes) {
    throw new ProtocolError(`frame header: expected ${frameHeaderBytes} bytes, got ${bytes.byteLength}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, frameHeaderBytes);
  if (view.getUint16(0, true) !== magic) {
    throw new ProtocolError('frame header: the peer does not speak this protocol');
  }
  const version = view.getUint8(2);
  if (version !== protocolVersion) {
    throw new ProtocolError(`frame header: expected protocol version ${protocolVersion}, got ${version}`);
  }
  if (view.getUint16(14, true) !== 0)
    throw new ProtocolError('frame header: expected reserved bits of zero, got others');
  return {
    ...{ tag: view.getUint8(3), step: view.getUint32(4, true) },
    ...{ length: view.getUint32(8, true), part: view.getUint16(12, true) },
  };
}

/** The name of a tag for error messages. An unknown number is shown as a number. */
export function tagName(tag: number): string {
  return Object.entries(tags).find(([, value]) => value === tag)?.[0] ?? `tag ${tag}`;
}
