import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { loadDataset } from '../../../../models/data/dataset.ts';
import { loadModel } from '../../../../models/files/read.ts';
import { evaluate } from '../../../../models/train/evaluate.ts';
import { wireOf } from '../../../../pipelines/plan/plan.ts';
import { openSite } from '../../../page/site.ts';
import type { About, AboutModel } from '../../../page/about.ts';
import { startServer } from '../../../server.ts';
import type { ServedModel } from '../../../server.ts';
import { Child } from '../../../shared/child-process.ts';
import { defined } from '../../../shared/defined.ts';
import { workerUrl } from '../../../shared/files.ts';
import type { Context } from '../../options/command.ts';
import { checkOutput } from '../../options/inputs.ts';
import { aboutModel, pageUrl, samplesOf } from '../../options/page.ts';
import { preparedModel } from '../../options/prepared.ts';
import { stopped } from '../../options/stopped.ts';
import { demoReduction, reduceArguments } from './reduction.ts';
import type { DemoOptions } from './run.ts';

export type WebDemoOptions = Omit<DemoOptions, 'version'> & { readonly port: number };

/** A model as the page shows it. */
type Shown = {
  readonly title: string;
  readonly served: Required<ServedModel>;
  readonly tested: AboutModel['tested'];
};

/**
 * Serves a page that asks the network, until a signal stops it. Meanwhile another process reduces it; then
 * the page asks both. A reduced network of an earlier demo in the same folder is taken as it is.
 */
export async function runWebDemo(context: Context, options: WebDemoOptions): Promise<void> {
  const { signal, say, show, warn } = context;
  const file = join(options.out, 'reduced.onnx');
  checkOutput(file);
  const shown: Shown[] = [await loaded(context, options.model, options.data, 'original')];
  const { plan } = shown[0]!.served;
  const samples = await samplesOf(options.data, wireOf(plan, plan.input.wire).shape);
  let pending: string | undefined;
  const about = (): About => ({
    models: shown.map(({ title, served: { plan, name }, tested }) => ({
      ...aboutModel(plan, name, title),
      ...defined({ tested }),
    })),
    samples,
    ...(pending !== undefined && { pending }),
  });
  const server = await startServer({
    ...{ models: served(shown), port: options.port, answerHttp: await openSite(about) },
  });
  context.staysUp();
  const url = pageUrl(server.url);
  show({ value: { url }, text: `Open ${url} in a browser and ask about a picture. Ctrl-C stops the demo.` });
  const addReduced = async () => {
    const isThere = existsSync(file);
    pending =
      'A second network with a quarter of the private comparisons is being trained. It takes about a minute.';
    say(
      isThere
        ? `Taking ${file} of an earlier demo.`
        : 'Meanwhile: a network with a quarter of its ReLUs is trained.',
    );
    if (!isThere) await reduceBeside(options, file, signal);
    shown.push(await loaded(context, file, options.data, 'reduced'));
    server.reload({ models: served(shown) });
    say('The page now asks the reduced network too.');
  };
  void addReduced()
    .catch((error: Error) => signal.aborted || warn(`no reduced network: ${error.message}`))
    .finally(() => (pending = undefined));
  await stopped(signal);
  await server.close();
}

async function loaded(context: Context, file: string, data: string, title: string): Promise<Shown> {
  const { plan, weights } = await preparedModel(file, data, context);
  const { accuracy, n } = await evaluate(await loadModel(file), await loadDataset(data, 'test'));
  return { title, served: { name: title, plan, weights }, tested: { accuracy, images: n } };
}

function served(shown: readonly Shown[]): ServedModel[] {
  return shown.map((model) => model.served);
}

/** Reduces in a process of its own, so that answers do not wait for it. */
async function reduceBeside(
  { model, data, epochs }: WebDemoOptions,
  file: string,
  signal: AbortSignal,
): Promise<void> {
  const reduction = reduceArguments(demoReduction(await loadModel(model), epochs));
  const child = new Child<never, never>({
    program: workerUrl(import.meta.url, '../../main'),
    args: ['reduce', model, ...reduction, '--data', data, '--out', file, '--json'],
    signal,
    name: 'demo: the reduction',
  });
  // It prints its result when the file is written.
  await child.firstLine();
  await child.stop();
}
