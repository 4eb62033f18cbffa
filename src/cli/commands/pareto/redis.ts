import { Redis } from 'ioredis';
import { ProtocolError, UsageError } from '../../../shared/errors.ts';

/** Longest wait for one answer at the start, milliseconds. */
const startTimeout = 5000;

/** Attempts to find a server again that was there, 0.2 to 2 s apart: half a minute, as long as a restart takes. */
const manyReconnections = 20;

/** A connection for queues and workers; rejects with `lost` when the server is gone for good. */
export type Connection = {
  readonly redis: Redis;
  readonly lost: Promise<never>;
  readonly close: () => void;
};

/**
 * Connects to `redis://HOST:PORT` (`rediss:` for TLS). Throws UsageError for another kind of address and ProtocolError where no server
 * answers, or answers that it wants a password.
 */
export async function connectRedis(url: string, reconnections = manyReconnections): Promise<Connection> {
  const place = placeOf(url);
  await probe(url, place);
  const redis = new Redis(url, {
    maxRetriesPerRequest: null,
    retryStrategy: (times) => (times > reconnections ? null : Math.min(200 * times, 2000)),
  });
  let complaint = '';
  redis.on('error', (error) => (complaint = error.message));
  let isClosed = false;
  const lost = new Promise<never>((_, reject) => {
    redis.once('end', () => {
      if (!isClosed) reject(new ProtocolError(`${place}: the connection is lost: ${complaint}`));
    });
  });
  lost.catch(() => undefined); // Whoever waits for it hears of it; nobody may be waiting yet.
  const close = () => {
    isClosed = true;
    redis.disconnect();
  };
  return { redis, lost, close };
}

/** The address for messages, without its password. */
function placeOf(url: string): string {
  const { protocol, host } = URL.parse(url) ?? { protocol: '', host: '' };
  if ((protocol !== 'redis:' && protocol !== 'rediss:') || host === '')
    throw new UsageError('--queue: expected redis://HOST:PORT or rediss://HOST:PORT');
  return `--queue ${protocol}//${host}`;
}

async function probe(url: string, place: string): Promise<void> {
  const redis = new Redis(url, {
    ...{ lazyConnect: true, connectTimeout: startTimeout, commandTimeout: startTimeout },
    ...{ maxRetriesPerRequest: 0, retryStrategy: () => null },
  });
  let complaint = '';
  redis.on('error', (error) => (complaint = complaint === '' ? error.message : complaint));
  try {
    await redis.connect();
    await redis.ping();
  } catch (error) {
    const reason = complaint === '' ? (error as Error).message : complaint;
    throw new ProtocolError(`${place}: no Redis server to work with: ${reason}`);
  } finally {
    redis.disconnect();
  }
}
