import { ProtocolError } from '../../src/shared/errors.ts';

/** Bytes on the wire, frame headers included, seen from this party. */
export type Traffic = { sent: number; received: number; framesSent: number; framesReceived: number };

/**
 * An ordered, reliable pipe of framed messages between two parties. A frame carries a tag (which message of the
 * protocol), a step (which step of the plan) and a payload. `receive` accepts exactly the tag, step and length asked for;
 * anything else ends the session with a ProtocolError that names the step, what was expected and what came.
 */
export interface Channel {
  /** Resolves when the frame is handed on and the peer is not too far behind. The payload is not copied: do not reuse it. */
  send(tag: Tag, step: number, payload: Uint8Array): Promise<void>;
  /** `length` in bytes: the only length accepted. Rejects when the peer leaves or lies. */
  receive(tag: Tag, step: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
  /** As `receive`, for the few messages whose length is not known before: accepted up to `maxLength` bytes. */
  receiveUpTo(tag: Tag, step: number, maxLength: number): Promise<Uint8Array<ArrayBuffer>>;
  readonly traffic: Readonly<Traffic>;
  close(reason?: Error): void;
}

/** Every message of the protocol by name. The number is on the wire. */
export const tags = {
  hello: 1,
  welcome: 2,
  accept: 3,
  failure: 4,
  request: 5,
  baseOtKey: 16,
  baseOtPoints: 17,
  hePublicKey: 18,
  otTrees: 19,
  linearRequest: 32,
  linearResponse: 33,
  productRequest: 34,
  productResponse: 35,
  otExtension: 48,
  garbled: 49,
  masked: 64,
  activation: 65,
  output: 66,
} as const;
export type Tag = (typeof tags)[keyof typeof tags];

export const frameHeaderBytes = 16;
const magic = 0x524c; // 'LR' little-endian

/** Header: magic u16, version u8, tag u8, step u32, length u32, reserved u32 (zero), little-endian; then the payload. */
export function encodeFrameHeader(tag: Tag, step: number, length: number): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(frameHeaderBytes);
  const view = new DataView(header.buffer);
  view.setUint16(0, magic, true);
  view.setUint8(2, protocolVersion);
  view.setUint8(3, tag);
  view.setUint32(4, step, true);
  view.setUint32(8, length, true);
  return header;
}

/** Bumped by every change of the wire. */
export const protocolVersion = 3;

export type FrameHeader = { readonly tag: number; readonly step: number; readonly length: number };

/** Throws ProtocolError for a header that is short, of another version, or with reserved bits set. */
export function decodeFrameHeader(bytes: Uint8Array): FrameHeader {
  if (bytes.byteLength < frameHeaderBytes) {
    throw new ProtocolError(`frame header: expected ${frameHeaderBytes} bytes, got ${bytes.byteLength}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, frameHeaderBytes);
  if (view.getUint16(0, true) !== magic)
    throw new ProtocolError('frame header: the peer does not speak this protocol');
  const version = view.getUint8(2);
  if (version !== protocolVersion) {
    throw new ProtocolError(`frame header: expected protocol version ${protocolVersion}, got ${version}`);
  }
  if (view.getUint32(12, true) !== 0) throw new ProtocolError('frame header: reserved bits are set');
  return { tag: view.getUint8(3), step: view.getUint32(4, true), length: view.getUint32(8, true) };
}

/** Name of a tag for messages; unknown numbers are shown as such. */
export function tagName(tag: number): string {
  return Object.entries(tags).find(([, value]) => value === tag)?.[0] ?? `tag ${tag}`;
}
