import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Below the ports that systems give to whoever asks for any, so that no other test is given this one. Each of
 * vitest's processes has ports of its own, and no test gets one that another had before it. Where they begin is
 * random for the sake of two runs on one machine.
 */
const [first, share] = [20_000, 1_000];
const own = first + share * (Number(process.env['VITEST_POOL_ID'] ?? 0) % 12);
let given = randomInt(share);

/**
 * A port of 127.0.0.1 that is free: for a program that must be told one, and for a test that goes back to the
 * port of a server that has ended.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = own + (given++ % share);
    const server = createServer().listen(port, '127.0.0.1');
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    if (!isFree) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}
