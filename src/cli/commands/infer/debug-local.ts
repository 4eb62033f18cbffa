import { outsideRange } from '../../../../pipelines/inference/encoding.ts';
import type { AnswerKind } from '../../../../pipelines/plan/plan.ts';
import { debugLocal } from '../../../../pipelines/simulate/debug-local.ts';
import type { WireDiff } from '../../../../pipelines/simulate/debug-local.ts';
import { defined } from '../../../shared/defined.ts';
import * as format from '../../../shared/format.ts';
import { systemRng } from '../../../shared/random.ts';
import { imageSource } from './image-source.ts';
import type { ImageOptions } from './image-source.ts';
import { calibrationData } from '../../options/named-model.ts';
import { answerValue } from '../../output/answer-words.ts';
import { outsideText } from '../../output/outside-words.ts';
import { table } from '../../output/output.ts';
import type { Output } from '../../output/output.ts';
import type { Context } from '../../options/command.ts';
import type { DescribeFlags } from '../../options/describe.ts';
import { preparedModel } from '../../options/prepared.ts';

/**
 * `infer MODEL --debug-local`: runs both parties in this process and prints each wire's error. `data`
 * calibrates the scales, as in `serve`. The flags say what the client learns, and describe the model.
 */
export async function inferLocally(
  name: string,
  data: string | undefined,
  picture: ImageOptions,
  context: Context,
  { answer: kind, ...flags }: DescribeFlags & { readonly answer?: AnswerKind },
): Promise<Output> {
  const calibration = calibrationData(name, data);
  const source = await imageSource(picture);
  const prepared = await preparedModel(name, calibration, context, defined({ answer: kind }), flags);
  const image = await source.read(prepared.model.graph.inputs[0]!.shape, prepared.plan.preprocessing);
  const { answer: found, wires } = await debugLocal(prepared, image, systemRng);
  const { label, logits } = found;
  const outside = outsideRange(prepared.plan, image);
  if (outside !== undefined) context.warn(outsideText(outside));
  const answer = prepared.plan.classes?.[label] ?? source.classes?.[label] ?? null;
  const truth = source.truth ?? null;
  return {
    value: {
      label,
      class: answer,
      truth,
      ...answerValue(prepared.plan),
      logits: logits ?? null,
      outsideRange: outside ?? null,
      wires: wires.map(publicWire),
    },
    text: describe(wires, answer ?? `class ${label}`, truth),
  };
}

/** A wire for --json. */
function publicWire({ wrong, offByOne, error, rmsError, largest, ...head }: WireDiff) {
  return { ...head, wrongElements: wrong, offByOne, largestError: error, rmsError, largestValue: largest };
}

function integers({ wrong, offByOne }: WireDiff): string {
  if (wrong > 0) return `${format.count(wrong)} differ`;
  return offByOne > 0 ? `${format.count(offByOne)} off by 1` : 'equal';
}

function describe(wires: readonly WireDiff[], answer: string, truth: string | null): string {
  const figure = (value: number | null) => (value === null ? '' : value.toPrecision(2));
  const rows = wires.map((wire) => [
    wire.step,
    wire.node,
    wire.kind,
    format.shape(wire.shape),
    format.scale(wire.scale),
    integers(wire),
    figure(wire.error),
    figure(wire.rmsError),
    figure(wire.largest),
  ]);
  const columns = [
    { title: 'step' },
    { title: 'node', align: 'left' },
    { title: 'kind', align: 'left' },
    { title: 'output' },
    { title: 'scale' },
    { title: 'integers' },
    { title: 'error, largest' },
    { title: 'rms' },
    { title: 'value, largest' },
  ] as const;
  const wrong = wires.filter(({ wrong }) => wrong > 0).length;
  return (
    `${table(columns, rows)}\n\n` +
    `${answer}${truth === null ? '' : `; the label in the data set is ${truth}`}\n` +
    (wrong === 0
      ? 'Every wire has the integers that the protocol should give; linear steps are rarely off by one. Errors are against the float model.'
      : `${wrong} wires do not have the integers that the protocol should give. This is a bug in reluctant.`)
  );
}
