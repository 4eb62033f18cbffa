import { startServer } from '../../src/server.ts';
import { servedNet } from '../src/fixtures/served-net.ts';

// A server in a process of its own. Prints its URL, then one line of JSON an event; ends with its standard input.
const { prepared } = await servedNet();
const server = await startServer({
  ...prepared,
  threads: 1,
  idleSeconds: 60,
  onEvent: (event) => {
    const error = event.kind === 'closed' ? event.error?.message : undefined;
    process.stdout.write(
      `${JSON.stringify({ kind: event.kind, session: 'session' in event ? event.session : undefined, error })}\n`,
    );
  },
});
process.stdout.write(`${server.url}\n`);
process.stdin.resume();
process.stdin.on('end', () => void server.close());
