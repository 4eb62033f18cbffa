// `node base-holder.ts FOLDER KEY`: begins a training under that key, says so, and stays in it until it is killed.
import { basesIn } from '../../../../pipelines/reduce/deepreshape/base-files.ts';
import { silent } from '../../../../src/shared/progress.ts';

const [folder, key] = process.argv.slice(2);
await basesIn(folder!, () => undefined).obtain({
  key: key!,
  onProgress: silent,
  train() {
    process.stdout.write('training\n');
    return new Promise((_, reject) => setTimeout(reject, 1e9)); // The process lives as long.
  },
});
