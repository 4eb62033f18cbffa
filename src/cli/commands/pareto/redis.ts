import { Redis } from 'ioredis';
import { ProtocolError, UsageError } from '../../../shared/errors.ts';

/** The longest wait for one answer at the start, in milliseconds. */
const startTimeout = 5000;

/** Attempts to reach a lost server again, 0.2 to 2 s apart: half a minute, as long as a restart takes. */
const manyReconnections = 20;

/** A connection for queues and workers. `lost` rejects when the server does not come back. */
export type Connection = {
  readonly redis: Redis;
  readonly lost: Promise<never>;
  readonly close: () => void;
};

/**
 * Connects to `redis://HOST:PORT` (`rediss:` for TLS). Throws UsageError for another kind of address, and
 * ProtocolError if no server answers or the server refuses the password.
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
      if (!isClosed) reject(new ProtocolError(`${place}: lost the connection: ${complaint}`));
    });
  });
  lost.catch(() => undefined); // No unhandled rejection while nobody waits for it yet.
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
    throw new UsageError('--queue: expected an address such as redis://HOST:PORT or rediss://HOST:PORT');
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
    throw new ProtocolError(`${place}: cannot use this Redis server: ${reason}`);
  } finally {
    redis.disconnect();
  }
}
