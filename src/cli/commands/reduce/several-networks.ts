import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Dataset } from '../../../../models/data/dataset.ts';
import type { Model } from '../../../../models/graph.ts';
import { saveModel, writeModel } from '../../../../models/files/write.ts';
import { evaluate } from '../../../../models/train/evaluate.ts';
import type { EvaluateOptions } from '../../../../models/train/evaluate.ts';
import { paretoFront } from '../../../../pipelines/pareto/front.ts';
import type { LayerEntry, Reduction } from '../../../../pipelines/reduce/reduction.ts';
import { defined } from '../../../shared/defined.ts';
import { writeFileAtomic } from '../../../shared/files.ts';
import * as format from '../../../shared/format.ts';
import { table, toJson } from '../../output/output.ts';
import type { Output } from '../../output/output.ts';

/** One of several networks of a command: what was asked for, in words, and the result. */
export type Made = {
  readonly name: string;
  readonly done: string;
} & ({ readonly reduction: Reduction } | { readonly refused: string });

/** The content of the JSON file beside the network; these keys are written as they are. */
type NetworkRecord = {
  readonly name: string;
  readonly done: string;
  /** A hash of the original network and of all options. */
  readonly made_by: string;
  readonly relus?: number;
  readonly accuracy?: number;
  readonly n?: number;
  readonly validation_accuracy?: number;
  readonly log?: readonly LayerEntry[];
  readonly refused?: string;
};

/** The folder of several networks. It recognises the networks of an earlier run. */
export class NetworkFolder {
  readonly #folder: string;
  readonly #madeBy: string;
  readonly #records = new Map<string, NetworkRecord>();

  /** `told`: all options that decide what the networks are; functions are ignored. */
  constructor(folder: string, original: Model, told: unknown) {
    this.#folder = folder;
    const hash = createHash('sha256').update(writeModel(original)).update(JSON.stringify(told));
    this.#madeBy = hash.digest('hex').slice(0, 16);
  }

  /**
   * Whether an earlier run with the same original and options made the network; if so, its record is kept.
   */
  async takeOver(name: string): Promise<boolean> {
    const file = this.#file(name, 'json');
    if (!existsSync(file) || !existsSync(this.#file(name, 'onnx'))) return false;
    const record = JSON.parse(await readFile(file, 'utf8')) as NetworkRecord;
    if (record.made_by !== this.#madeBy) return false;
    this.#records.set(name, record);
    return true;
  }

  /** Writes the network and, last, its record. */
  async add(made: Made, test: Dataset, evaluation: EvaluateOptions): Promise<void> {
    const { name, done } = made;
    if ('refused' in made) {
      this.#records.set(name, { name, done, made_by: this.#madeBy, refused: made.refused });
      return;
    }
    const { model, relusAfter, validationAccuracy, log } = made.reduction;
    await saveModel(this.#file(name, 'onnx'), model);
    const { accuracy, n } = await evaluate(model, test, evaluation);
    const record: NetworkRecord = {
      ...{ name, done, made_by: this.#madeBy, relus: relusAfter, accuracy, n },
      ...{ validation_accuracy: validationAccuracy, log },
    };
    await writeFileAtomic(this.#file(name, 'json'), `${JSON.stringify(toJson(record), null, 2)}\n`);
    this.#records.set(name, record);
  }

  /** The table of the original and all networks, with the Pareto front marked. Also writes networks.json. */
  async report(original: { relus: number; accuracy: number; n: number }): Promise<Output> {
    const first: Shown = { name: 'original', done: 'nothing', ...original };
    const records = [first, ...this.#records.values()].sort((a, b) => (b.relus ?? -1) - (a.relus ?? -1));
    const points = records.flatMap(({ name, relus, accuracy }) =>
      relus === undefined || accuracy === undefined ? [] : [{ name, relus, accuracy }],
    );
    const onFront = new Set(paretoFront(points, costsOf).map(({ name }) => name));
    const networks = records.map((record) => {
      const isFile = record !== first && record.relus !== undefined;
      return {
        ...withoutLog(record),
        ...(isFile && { file: this.#file(record.name, 'onnx') }),
        front: onFront.has(record.name),
      };
    });
    const value = { folder: this.#folder, networks };
    await writeFileAtomic(join(this.#folder, 'networks.json'), `${JSON.stringify(toJson(value), null, 2)}\n`);
    return { value, text: describe(networks, this.#folder) };
  }

  #file(name: string, extension: string): string {
    return join(this.#folder, `${name}.${extension}`);
  }
}

/** Fewer ReLUs and more accuracy are better. */
const costsOf = ({ relus, accuracy }: { relus: number; accuracy: number }) => [relus, -accuracy];

type Shown = Omit<NetworkRecord, 'made_by' | 'log'>;
type Row = Shown & { readonly front: boolean };

/** A record without what only the network's own file holds. */
function withoutLog(record: Shown): Shown {
  const { name, done, relus, accuracy, n, validation_accuracy, refused } = record;
  return { name, done, ...defined({ relus, accuracy, n, validation_accuracy, refused }) };
}

function describe(networks: readonly Row[], folder: string): string {
  const columns = [
    { title: 'front', align: 'left' },
    { title: 'ReLUs' },
    { title: 'accuracy' },
    { title: 'network', align: 'left' },
    { title: 'what was done', align: 'left' },
  ] as const;
  const rows = networks.map(({ name, done, relus, accuracy, refused, front }) => [
    front ? '*' : '',
    relus === undefined ? '-' : format.count(relus),
    accuracy === undefined ? '-' : format.percent(accuracy),
    name,
    refused === undefined ? done : `${done}: not made: ${refused}`,
  ]);
  return `${table(columns, rows)}\n\n* No other network has fewer ReLUs and at least this accuracy. The networks are in ${folder}.`;
}
