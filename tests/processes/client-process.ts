import { connect } from '../../src/client.ts';
import { servedNet } from '../src/fixtures/served-net.ts';

// A client in a process of its own that infers until it is killed. Prints a line when its first inference begins.
const { images } = await servedNet();
const session = await connect(process.argv[2]!, { threads: 1 });
process.stdout.write('inferring\n');
for (;;) await session.infer(images[0]!);
