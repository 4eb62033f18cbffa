import { partBytes } from '../channel/parts.ts';
import { linearParams } from '../params.ts';
import { answerBytes, ciphertextSpace, requestCiphertextBytes } from './engine.ts';
import { roomFor } from './heap.ts';
import { inputCount, outputCount, spatialTiles } from './pack.ts';
import type { Layout } from './pack.ts';

/**
 * A part of a layer's exchange that is encrypted, answered and decrypted at once: consecutive spatial tiles,
 * whose answers need their inputs alone. So both parties hold one exchange of a layer and not the whole: a
 * spatial tile at least, with all its channels.
 */
export type Exchange = { readonly firstTile: number; readonly tiles: number };

/** One spatial tile. */
export const oneTile: Exchange = { firstTile: 0, tiles: 1 };

/** A layer as one exchange. */
export function wholeExchange(layout: Layout): Exchange {
  return { firstTile: 0, tiles: spatialTiles(layout) };
}

/**
 * The exchanges of a layer, as equal as they can be, with requests and answers of at most `most` bytes
 * (default: `partBytes`) unless one spatial tile has more.
 */
export function exchangesOf(layout: Layout, most: number = partBytes): Exchange[] {
  const { requestBytes, responseBytes } = exchangeSizes(layout, oneTile);
  const atOnce = Math.max(1, Math.floor(most / Math.max(requestBytes, responseBytes)));
  const tiles = spatialTiles(layout);
  const count = Math.ceil(tiles / atOnce);
  const bound = (exchange: number) => Math.floor((exchange * tiles) / count);
  return Array.from({ length: count }, (_, i) => ({ firstTile: bound(i), tiles: bound(i + 1) - bound(i) }));
}

/** The ciphertexts of an exchange and their bytes: its first one each way, and how many. */
export function exchangeSizes(layout: Layout, { firstTile, tiles }: Exchange) {
  const [perInput, perOutput] = [layout.inputRanges.length, layout.outputRanges.length];
  return {
    firstInput: firstTile * perInput,
    inputs: tiles * perInput,
    firstOutput: firstTile * perOutput,
    outputs: tiles * perOutput,
    requestBytes: tiles * perInput * requestCiphertextBytes,
    responseBytes: tiles * perOutput * answerBytes,
  };
}

/** The arrays of an exchange at the server, and their bytes in the memory that its threads share. */
export function answerSizes(layout: Layout, exchange: Exchange) {
  const { inputs, outputs, requestBytes, responseBytes } = exchangeSizes(layout, exchange);
  return {
    request: requestBytes,
    response: responseBytes,
    shares: 4 * linearParams.degree * outputs,
    /** The address of each weight tile. */
    slots: 4 * layout.inputRanges.length * layout.outputRanges.length,
    inputs: inputs * ciphertextSpace,
  };
}

export function answerRoom(layout: Layout, exchange: Exchange): number {
  return roomFor(...Object.values(answerSizes(layout, exchange)));
}

/** The bytes of the encrypted input of a layer. */
export function requestBytesOf(layout: Layout): number {
  return inputCount(layout) * requestCiphertextBytes;
}

/** The bytes of the server's answer to it. */
export function responseBytesOf(layout: Layout): number {
  return outputCount(layout) * answerBytes;
}
