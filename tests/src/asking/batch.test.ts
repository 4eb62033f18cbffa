import { describe, expect, test } from 'vitest';
import { answered } from '../../../src/asking/batch.ts';
import type { Asker } from '../../../src/asking/batch.ts';
import type { InferenceResult } from '../../../src/asking/result.ts';
import { ConnectionError, ProtocolError, RefusedError } from '../../../src/shared/errors.ts';

/** An image whose label is its only value. */
const imagesOf = (n: number) => Array.from({ length: n }, (_, i) => Float32Array.of(i));

type Behaviour = {
  readonly most?: number;
  /** Called before each request to prepare and each answer, with how many there were; may throw. */
  readonly onAsk?: (asked: number) => void;
  readonly onInfer?: (answered: number) => void;
};

/** A server without cryptography that holds a client to its limit. */
class FakeServer {
  readonly groups: number[] = [];
  connections = 0;
  asked = 0;
  #ready = 0;
  #granted = 0;
  #answered = 0;
  #failure: Error | undefined;
  readonly #behaviour: Behaviour;

  constructor(behaviour: Behaviour = {}) {
    this.#behaviour = behaviour;
  }

  connected(): Promise<Asker> {
    this.connections++;
    this.#failure = undefined;
    this.#granted = this.#ready;
    const { most = 4 } = this.#behaviour;
    return Promise.resolve({
      failure: () => this.#failure,
      ready: () => this.#ready,
      most,
      longestWait: 10,
      ask: async () => {
        await turn();
        const asked = this.asked++;
        this.#told(() => this.#behaviour.onAsk?.(asked));
        if (++this.#granted > most) throw new ProtocolError('more than the limit');
        return this.asked;
      },
      prepare: async () => {
        await turn();
        if (this.#failure !== undefined) throw this.#failure;
        this.#ready++;
      },
      infer: async (images: readonly Float32Array[]) => {
        if (images.length > this.#ready) throw new ProtocolError('more than is prepared');
        this.#ready -= images.length;
        this.#granted -= images.length;
        await turn();
        await turn();
        this.#told(() => this.#behaviour.onInfer?.(this.#answered));
        this.#answered += images.length;
        this.groups.push(images.length);
        return images.map(([label]) => ({ label: label! }) as InferenceResult);
      },
    });
  }

  /** A lost connection is known from then on. */
  #told(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (error instanceof ConnectionError) this.#failure = error;
      throw error;
    }
  }
}

const turn = () => new Promise((resolve) => setTimeout(resolve, 1));
const none = { retrySeconds: 0 };

function ask(server: FakeServer, n: number, retry = none) {
  const order: number[] = [];
  const done: number[] = [];
  const results = answered(
    imagesOf(n),
    { onAnswer: (_, index) => order.push(index), onProgress: (event) => done.push(event.done) },
    retry,
    () => server.connected(),
  );
  return { results, order, done };
}

const labels = (results: readonly InferenceResult[]) => results.map(({ label }) => label);

test.each([0, 1, 3, 16])('%i images: answers in their order, progress to the end', async (n) => {
  const server = new FakeServer();
  const { results, order, done } = ask(server, n);
  expect(labels(await results)).toEqual(imagesOf(n).map(([i]) => i));
  expect(order).toEqual(imagesOf(n).map(([i]) => i));
  expect(done).toEqual(imagesOf(n).map(([i]) => i! + 1));
  expect(server.asked).toBe(n);
});

test('what is prepared while others are answered is answered together', async () => {
  const server = new FakeServer();
  await ask(server, 12).results;
  expect(Math.max(...server.groups)).toBeGreaterThan(1);
  expect(server.groups.reduce((a, b) => a + b, 0)).toBe(12);
});

test('a server that lets a client prepare one at a time gets no more requests than that', async () => {
  const server = new FakeServer({ most: 1 });
  expect(labels(await ask(server, 5).results)).toEqual([0, 1, 2, 3, 4]);
});

describe('a refusal', () => {
  test('with a time is waited for, as long as the server says and not by the time to retry', async () => {
    let refusals = 0;
    const server = new FakeServer({
      onAsk: (asked) => {
        if (asked === 3 && refusals++ < 2) {
          server.asked--;
          throw new RefusedError('too many in this minute', 0.15);
        }
      },
    });
    const start = performance.now();
    expect(labels(await ask(server, 6).results)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(refusals).toBe(3);
    expect(performance.now() - start).toBeGreaterThan(290);
    expect(server.connections).toBe(1);
  });

  test('without a time ends the batch, after what is prepared has answered', async () => {
    const server = new FakeServer({
      onAsk: (asked) => {
        if (asked === 3) throw new RefusedError('the server is shutting down');
      },
    });
    const { results, order } = ask(server, 6);
    await expect(results).rejects.toThrow('shutting down');
    expect(order).toEqual([0, 1, 2]);
  });
});

describe('a connection that is lost', () => {
  const losing = (times: number) => {
    let left = times;
    return new FakeServer({
      onInfer: (answers) => {
        if (answers >= 2 && left-- > 0) throw new ConnectionError('lost');
      },
    });
  };

  test('is opened again, and only what has no answer is asked again', async () => {
    const server = losing(1);
    const { results, order } = ask(server, 8, { retrySeconds: 20 });
    expect(labels(await results)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(server.connections).toBe(2);
  });

  test('without time to retry ends the batch, which has told what it has', async () => {
    const server = losing(1);
    const { results, order } = ask(server, 8);
    await expect(results).rejects.toThrow(ConnectionError);
    expect(order.length).toBeGreaterThanOrEqual(2);
    expect(order).toEqual(imagesOf(order.length).map(([i]) => i));
    expect(server.connections).toBe(1);
  });

  test('again and again without an answer between ends the batch in the time to retry', async () => {
    const server = losing(Infinity);
    await expect(ask(server, 8, { retrySeconds: 1 }).results).rejects.toThrow(ConnectionError);
  });
});

test('any other failure of an answer ends the batch, and nothing is asked again', async () => {
  const server = new FakeServer({
    onInfer: (answers) => {
      if (answers >= 2) throw new ProtocolError('not the answer');
    },
  });
  await expect(ask(server, 8, { retrySeconds: 20 }).results).rejects.toThrow('not the answer');
  expect(server.connections).toBe(1);
});
