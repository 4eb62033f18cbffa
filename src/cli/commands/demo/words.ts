import pc from 'picocolors';
import type { FairnessReport } from '../../../../models/fairness/report.ts';
import type { Stage } from '../../../../models/analysis/inspect.ts';
import type { LayerEntry } from '../../../../pipelines/reduce/reduction.ts';
import * as format from '../../../shared/format.ts';
import { agreements, answerCost } from '../../../web/demo/report.ts';
import type { DemoReport, PrivateImage } from '../../../web/demo/report.ts';
import { table } from '../../output/output.ts';

/** What the demo says, one function a part. */
export const heading = (number: number, text: string) => `\n${pc.bold(`${number}/5  ${text}`)}`;

export const introduction =
  `A server holds a network, a client holds an image. The client gets the answer, the server never sees the\n` +
  `image. What makes that slow are the network's ReLUs: each is a comparison, and under encryption every comparison\n` +
  `takes data and time. So: remove most of them, and look at what that costs, and whom.`;

export const reducing =
  `First it is measured which ReLUs the answers need least. Those become quadratic polynomials, which are cheap under\n` +
  `encryption, and the network is trained again with the original as its teacher.`;

export const comparing = `A drop is the accuracy before minus the accuracy after; the interval says how much of it may be chance.`;

export const asking =
  `The server is another process and has the network. This process is the client: it has the images, and sends only\n` +
  `numbers masked with fresh random ones. Each answer is compared with the same network's in the clear.`;

export function network(name: string, relus: number, params: number, stages: readonly Stage[]): string {
  const rows = stages.map((stage) => [stage.name, format.shape(stage.resolution), format.count(stage.relus)]);
  return (
    `${name}: ${format.count(relus)} ReLUs, ${format.count(params)} parameters.\n` +
    table([{ title: 'stage', align: 'left' }, { title: 'resolution' }, { title: 'ReLUs' }], rows)
  );
}

export function removed(log: readonly LayerEntry[], relus: number, seconds: number): string {
  const rows = log.map((row) => [row.layer, format.count(row.relus_before), format.count(row.relus_after)]);
  return (
    `${table([{ title: 'layer', align: 'left' }, { title: 'ReLUs' }, { title: 'kept' }], rows)}\n` +
    `${format.count(relus)} are left, the rest of the network was trained again, in ${format.duration(seconds)}.`
  );
}

export function classes({ overall, groups }: FairnessReport): string {
  const rows = groups.map(({ group, n, models: [before, after] }) => [
    group,
    n,
    format.percent(before!.accuracy),
    format.percent(after!.accuracy),
    format.plainPoints(after!.drop),
    after!.dropInterval.map(format.plainPoints).join(' to '),
  ]);
  const [before, after] = overall;
  const all = [
    format.percent(before!.accuracy),
    format.percent(after!.accuracy),
    format.plainPoints(after!.drop),
  ];
  const columns = [
    { title: 'class', align: 'left' },
    { title: 'images' },
    { title: 'before' },
    { title: 'after' },
    { title: 'drop, points' },
    { title: '95 % interval' },
  ] as const;
  return table(columns, [
    ...rows,
    ['all', '', ...all, after!.dropInterval.map(format.plainPoints).join(' to ')],
  ]);
}

export function answer(image: PrivateImage): string {
  const right = image.private === image.label ? 'right' : `wrong, it is ${image.label}`;
  const clear = image.private === image.plaintext ? 'as in the clear' : `${image.plaintext} in the clear`;
  return `  test image ${image.index}: ${image.private} (${right}; ${clear}), online ${format.duration(image.online.seconds)}`;
}

export function costs({ original, reduced }: DemoReport): string {
  const rows = [original, reduced].map((model) => {
    const { firstSeconds, offline, online } = answerCost(model.images);
    return [
      model.name,
      format.count(model.relus),
      format.percent(model.accuracy),
      format.duration(firstSeconds),
      format.duration(offline.seconds),
      format.duration(online.seconds),
      format.bytes(offline.bytes_up + online.bytes_up),
      format.bytes(offline.bytes_down + online.bytes_down),
      `${agreements(model)} of ${model.images.length}`,
    ];
  });
  const columns = [
    { title: 'network', align: 'left' },
    { title: 'ReLUs' },
    { title: 'accuracy' },
    { title: 'first answer' },
    { title: 'offline' },
    { title: 'online' },
    { title: 'up' },
    { title: 'down' },
    { title: 'same as in the clear' },
  ] as const;
  return (
    `${table(columns, rows)}\n` +
    `One private answer. Offline can be done before there is an image; online is the wait for the answer. The first answer\n` +
    `also pays, once, for transforming the weights and for warming up; the other figures are means of those after it.`
  );
}

export function farewell(folder: string, seconds: number): string {
  return (
    `Done in ${format.duration(seconds)}. ${pc.bold(`${folder}/report.html`)} shows it all; report.json has every figure,\n` +
    `report.svg the picture, reduced.onnx the smaller network. To go on:\n` +
    `  npx reluctant serve ${folder}/reduced.onnx\n` +
    `  npx reluctant inspect my-model.onnx`
  );
}
