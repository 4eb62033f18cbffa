import pc from 'picocolors';
import type { FairnessReport } from '../../../../models/fairness/report.ts';
import type { Stage } from '../../../../models/analysis/inspect.ts';
import type { LayerEntry } from '../../../../pipelines/reduce/reduction.ts';
import * as format from '../../../shared/format.ts';
import { agreements, answerCost } from '../../../web/demo/report.ts';
import type { DemoReport, PrivateImage } from '../../../web/demo/report.ts';
import { table } from '../../output/output.ts';

/** The texts of the demo, one function for each part. */
export const heading = (number: number, text: string) => `\n${pc.bold(`${number}/5  ${text}`)}`;

export const introduction =
  `A server has a network and a client has an image. The client gets the answer, and the server never sees the image.\n` +
  `The network's ReLUs make this slow: each is a comparison, and a private comparison takes time and data. This demo\n` +
  `keeps a quarter of them, and then shows what that saves, and for which images it costs accuracy.`;

export function reducing(rho: number): string {
  return rho < 1
    ? `The demo halves the height and the width of the network's maps, which leaves a quarter of its ReLUs and of its\n` +
        `multiplications. Then the network is fine-tuned with the original as its teacher.`
    : `The demo first measures which ReLUs matter least to the answers. Quadratic polynomials replace those ReLUs: this\n` +
        `network's maps cannot be halved, which would save more. Then it is fine-tuned with the original as its teacher.`;
}

export const comparing = `The drop is the accuracy before minus the accuracy after. The interval shows how much of it may be chance.`;

export const asking =
  `The server is another process, which has the network. This process is the client: it has the images, and sends only\n` +
  `numbers that are masked with fresh random ones. Each answer is compared with the network's answer in the clear.`;

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
    `${table([{ title: 'layer', align: 'left' }, { title: 'ReLUs before' }, { title: 'after' }], rows)}\n` +
    `${format.count(relus)} ReLUs are left. Reduction and fine-tuning took ${format.duration(seconds)}.`
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

export function costs({ original, reduced, labelsAlone }: DemoReport): string {
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
    `The figures are for one private answer. The offline phase can run before the image exists; the online phase is the\n` +
    `wait for the answer. The first answer also transforms the weights and warms up, so the other figures leave it out.\n` +
    labels(reduced, labelsAlone)
  );
}

function labels({ answerBits, images }: DemoReport['reduced'], alone: DemoReport['labelsAlone']): string {
  const [all, label] = [answerCost(images).online, answerCost(alone.images).online];
  return (
    `An answer of the label alone tells ${alone.answerBits} bits in place of ${answerBits}. With the reduced network it took\n` +
    `${label.rounds} round trips in place of ${all.rounds}, and ${format.duration(label.seconds)} online in place of ${format.duration(all.seconds)}.`
  );
}

export function farewell(folder: string, data: string, seconds: number): string {
  return (
    `Done in ${format.duration(seconds)}. The report is ${pc.bold(`${folder}/report.html`)}; report.json has all figures,\n` +
    `report.svg the picture, and reduced.onnx the smaller network. Next you can try:\n` +
    `  npx reluctant serve ${folder}/reduced.onnx --data ${data}\n` +
    `  npx reluctant inspect my-model.onnx`
  );
}
