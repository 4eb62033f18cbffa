import { beforeAll, expect, test } from 'vitest';
import { elementKinds } from '../../../crypto/spec.ts';
import { prepare } from '../../../pipelines/compile/served-plan.ts';
import { planHash, parsePlan, serialisePlan } from '../../../pipelines/plan/codec.ts';
import type { Plan } from '../../../pipelines/plan/plan.ts';
import { ProtocolError } from '../../../src/shared/errors.ts';
import { seededRng } from '../../helpers/rng.ts';
import { randomImages } from '../../helpers/data/data.ts';
import { labelPlan } from '../../helpers/protocol/label-plan.ts';
import { mixedNet } from '../../helpers/networks/networks.ts';

let plan: Plan;
beforeAll(async () => {
  const model = mixedNet(seededRng(3));
  const images = randomImages(model, 4, seededRng(4));
  ({ plan } = await prepare(model, { calibration: { images, n: 4 } }));
});

test('a plan survives its bytes, and its hash is that of the bytes', () => {
  const parsed = parsePlan(serialisePlan(plan));
  expect(parsed).toEqual(plan);
  expect(planHash(parsed)).toBe(planHash(plan));
  expect(planHash({ ...plan, name: 'other' })).not.toBe(planHash(plan));
});

test('the answer is part of the plan: a changed one is another plan, or none', () => {
  const label = labelPlan(5, 12);
  const parsed = parsePlan(serialisePlan(label));
  expect(parsed).toEqual(label);
  const opened: Plan = { ...label, output: { answer: 'logits', wire: 0 } };
  expect(planHash(parsePlan(serialisePlan(opened)))).not.toBe(planHash(label));
  const whole: Plan = { ...label, output: { answer: 'logits', wire: label.output.wire } };
  expect(planHash(parsePlan(serialisePlan(whole)))).not.toBe(planHash(label));
  const refused: [Plan['output'], RegExp][] = [
    [{ answer: 'label', wire: 0, logits: 0 }, /expected one element, got 5/],
    [{ answer: 'label', wire: label.output.wire, logits: 99 }, /expected 2 to 32768 classes, got 0/],
    [{ answer: 'label', wire: label.output.wire, logits: label.output.wire }, /classes, got 1/],
    [{ answer: 'label', wire: 99, logits: 0 }, /never written/],
    [{ answer: 'nothing', wire: 0 } as unknown as Plan['output'], /output.answer/],
    [{ wire: 0 } as unknown as Plan['output'], /output/],
  ];
  for (const [output, message] of refused)
    expect(() => parsePlan(serialisePlan({ ...label, output }))).toThrow(message);
});

test('constants of an offset: one, or one for each element', () => {
  const label = labelPlan(4, 12);
  const offsets = label.steps.filter((step) => step.kind === 'offset');
  expect(offsets.map(({ value }) => typeof value)).toEqual(['number', 'object']);
  const withValue = (value: unknown) => {
    const document = JSON.parse(new TextDecoder().decode(serialisePlan(label))) as Document;
    document.steps[offsets[1]!.id - 1]!['value'] = value;
    return new TextEncoder().encode(JSON.stringify(document));
  };
  const base64 = (values: number[]) => Buffer.from(Int32Array.from(values).buffer).toString('base64');
  expect(parsePlan(withValue(base64([1, 2, 3, -4]))).steps).toHaveLength(label.steps.length);
  expect(parsePlan(withValue(5)).steps).toHaveLength(label.steps.length);
  const wrong = [
    base64([1, 2, 3]),
    base64([1, 2, 3, 4, 5]),
    base64([5, 5, 5, 5]),
    'AAA=',
    '',
    '!',
    2 ** 31,
    0.5,
    null,
  ];
  for (const value of wrong) expect(() => parsePlan(withValue(value)), String(value)).toThrow(ProtocolError);
});

test('all kinds of element are there to be tested', () => {
  const found = new Set(
    plan.steps.flatMap((step) => (step.kind === 'activation' ? [...step.spec['kinds']] : [])),
  );
  expect([...found].sort()).toEqual(Object.values(elementKinds).sort());
});

type Fields = Record<string, unknown>;
type SpecDocument = Fields & { relu: Fields; affine: Fields; square: Fields };
type StepDocument = Fields & { shifts: unknown[]; spec: SpecDocument };
type Document = Fields & { wires: Fields[]; steps: StepDocument[] };

/** The plan's JSON after `edit`, as a peer would send it. */
function edited(edit: (document: Document) => unknown): Uint8Array {
  const document = JSON.parse(new TextDecoder().decode(serialisePlan(plan))) as Document;
  edit(document);
  return new TextEncoder().encode(JSON.stringify(document));
}

/** The document's first step of a kind. */
function first(document: Document, kind: string) {
  return document.steps.find((step) => step['kind'] === kind)!;
}

test.each<[string, (document: Document) => unknown, RegExp]>([
  ['another version', (d) => (d['version'] = 99), /version/],
  [
    'two means for three channels',
    (d) => (d['preprocessing'] = { mean: [0, 0], std: [1, 1] }),
    /preprocessing: expected 3 means/,
  ],
  [
    'a deviation of 0',
    (d) => (d['preprocessing'] = { mean: [0, 0, 0], std: [1, 0, 1] }),
    /preprocessing\.std/,
  ],
  ['four names for five classes', (d) => (d['classes'] = ['a', 'b', 'c', 'd']), /classes: expected 5 names/],
  ['a name that clears the screen', (d) => (d['classes'] = ['\x1b[2J', 'b', 'c', 'd', 'e']), /classes\.0/],
  ['an unknown key', (d) => (d['extra'] = 1), /^plan: expected no field "extra"$/],
  ['an unknown kind of step', (d) => (first(d, 'add')['kind'] = 'multiply'), /steps\.\d+\.kind/],
  ['a missing wire', (d) => d.wires.pop(), /output wire|does not exist|sizes/],
  ['a wire that nobody writes', (d) => d.wires.push({ shape: [1], scale: 1, bits: 3 }), /never written/],
  ['a wire read before it is written', (d) => (first(d, 'linear')['inputs'] = [5]), /before it is written/],
  ['a wire written twice', (d) => (d.steps[1]!['output'] = d.steps[0]!['output']), /not a new one/],
  ['steps out of order', (d) => d.steps.reverse(), /expected number 1/],
  [
    'a tensor of 10^18 elements',
    (d) => (d.wires[0]!['shape'] = [1e6, 1e6, 1e6]),
    /more than 16777216 elements/,
  ],
  ['a size of 0', (d) => (d.wires[0]!['shape'] = [0, 8, 8]), /shape/],
  ['a size that is no integer', (d) => (d.wires[0]!['shape'] = [1.5, 8, 8]), /shape/],
  ['a negative scale', (d) => (d.wires[0]!['scale'] = -1), /scale/],
  ['a shift of 40', (d) => (first(d, 'add').shifts[0] = 40), /shifts/],
  ['a shift too many', (d) => first(d, 'add').shifts.push(0), /sizes do not fit/],
  [
    'more channels than the input has',
    (d) => (first(d, 'linear').spec['inChannels'] = 4),
    /sizes do not fit/,
  ],
  [
    'a kernel larger than its image',
    (d) => (first(d, 'linear').spec['kernel'] = [99, 99]),
    /sizes do not fit/,
  ],
  ['a huge padding', (d) => (first(d, 'linear').spec['pads'] = [1e6, 1e6, 1e6, 1e6]), /sizes do not fit/],
  ['weights of 60 bits', (d) => (first(d, 'linear').spec['weightBits'] = 60), /weightBits/],
  [
    'kinds that are cut',
    (d) => (first(d, 'activation').spec['kinds'] = 'AAAA'),
    /expected a packed array of \d+ bytes/,
  ],
  ['an unknown kind of element', (d) => (first(d, 'activation').spec['kinds'] = 3), /sizes do not fit/],
  ['a sign of 2', (d) => (first(d, 'activation').spec.square['sign'] = 2), /sizes do not fit/],
  [
    'a multiplier of 2^40',
    (d) => (first(d, 'activation').spec.affine['multiplier'] = 2 ** 40),
    /expected integers in range/,
  ],
  ['a truncation of 31 bits', (d) => (first(d, 'activation').spec.relu['truncate'] = 31), /sizes do not fit/],
  [
    'a pooling window that its padding makes as large as one likes',
    (d) => {
      d.wires = [
        { shape: [1, 8, 8], scale: 1, bits: 20 },
        { shape: [1, 2001, 2001], scale: 1, bits: 20 },
      ];
      d.steps = [
        {
          ...{ kind: 'sumPool', id: 1, node: 'pool', inputs: [0], output: 1 },
          spec: { kernel: [2000, 2000], strides: [1, 1], pads: [1996, 1996, 1996, 1996] },
        } as unknown as (typeof d.steps)[number],
      ];
    },
    /it adds up more than any network does/,
  ],
  ['an empty window', (d) => (first(d, 'activation').spec.relu['k'] = 31), /sizes do not fit/],
])('a hostile plan is refused: %s', (_name, edit, expected) => {
  expect(() => parsePlan(edited(edit))).toThrow(expected);
  expect(() => parsePlan(edited(edit))).toThrow(ProtocolError);
});

test('bytes that are not the canonical ones are refused, as is what is no JSON', () => {
  const bytes = serialisePlan(plan);
  expect(() => parsePlan(new Uint8Array([...bytes, 32]))).toThrow('plan: not in canonical form');
  expect(() => parsePlan(bytes.subarray(0, bytes.length - 1))).toThrow('plan: not JSON');
  expect(() => parsePlan(Uint8Array.of(0xff, 0xfe))).toThrow('plan: not JSON');
  expect(() => parsePlan(new Uint8Array(17 * 2 ** 20))).toThrow('at most');
});

test('a short plan that grows when it is decoded is refused before it is', () => {
  const bomb = edited((d) => {
    const step = first(d, 'activation');
    step.spec['channels'] = 1000;
    step.spec['channelSize'] = 16_000;
    step.spec['kinds'] = 1;
    d.steps = Array.from({ length: 1000 }, () => step);
  });
  const before = process.memoryUsage().arrayBuffers;
  expect(() => parsePlan(bomb)).toThrow(/plan: steps: more than 67108864 activations/);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 24);
});
