import { UsageError } from '../../src/shared/errors.ts';
import { deepreduceDefaults } from './deepreduce/settings.ts';
import type { DeepreduceSettings } from './deepreduce/settings.ts';
import { deepreshapeDefaults } from './deepreshape/settings.ts';
import type { DeepreshapeSettings } from './deepreshape/settings.ts';
import { defaultGranularity } from './gates/layer-states.ts';
import type { MethodName } from './methods.ts';
import type { Costing, Keeping, OwnSettings, Replacing } from './reduction.ts';
import type { Mitigation } from './mitigation/mitigation.ts';
import type { Budget } from '../cost/budget.ts';

/** The settings of a reduction. `methodOptions` says which of them each method takes. */
export type ReduceSettings = Replacing &
  OwnSettings &
  Keeping &
  Pick<Costing, 'machine'> & {
    /** ReLUs to keep: a count, or a share in (0, 1). For hybrid also what one inference may cost: '1s@wan'. */
    readonly budget: Budget | string;
    /** Keeps groups of images from losing more than others during fine-tuning. */
    readonly mitigate?: Pick<Mitigation, 'scheme' | 'settings'>;
    /** Weighs groups by their loss, not by their size, when it is decided which ReLUs go (default: false). */
    readonly fairSelect?: boolean;
  };

/** What one may ask of a reduction: each setting of a method is one, and what a budget or an option may be besides. */
export type MethodOption =
  | keyof DeepreduceSettings
  | keyof DeepreshapeSettings
  | Exclude<keyof ReduceSettings, 'budget' | 'deepreduce' | 'deepreshape'>
  | 'costBudget'
  | 'family'
  | 'noSearch';

/** Whether options are given, by their names: those that are undefined are not. */
export type GivenOptions = { readonly [O in MethodOption]?: unknown };

type Entry = {
  /** One line for --help. */
  readonly summary: string;
  /**
   * By method what it does where the option is not given, in words; '' where that needs no words. Null: the method does not take the
   * option.
   */
  readonly methods: { readonly [M in MethodName]: string | null };
  /** What a refusal calls it where it is no option by itself. */
  readonly called?: string;
};

/** The method does not take the option. */
const no = null;

/** Which option belongs to which methods, for the command line, sweeps, recipes and the library alike. */
export const methodOptions: { readonly [O in MethodOption]: Entry } = {
  costBudget: {
    called: 'a budget in seconds or bytes',
    summary: 'what an inference may cost, in seconds or bytes',
    methods: { deepreduce: no, snl: no, autorep: no, deepreshape: no, hybrid: '' },
  },
  family: {
    summary: "the paper's whole family of networks, in place of a budget",
    methods: { deepreduce: '', snl: no, autorep: no, deepreshape: no, hybrid: no },
  },
  replace: {
    summary: "what takes a ReLU's place",
    methods: {
      deepreduce: 'quadratic',
      snl: 'identity',
      autorep: 'quadratic',
      deepreshape: 'quadratic by stages, identity one by one',
      hybrid: 'quadratic or affine, by layer',
    },
  },
  granularity: {
    summary: 'ReLUs go one by one (pixel) or by channels',
    methods: {
      deepreduce: no,
      snl: defaultGranularity,
      autorep: defaultGranularity,
      deepreshape: defaultGranularity,
      hybrid: no,
    },
  },
  searchEpochs: {
    summary: 'epochs of learning which ReLUs to keep; hybrid learns for budgets in seconds and bytes',
    methods: {
      deepreduce: no,
      snl: 'as many as for fine-tuning',
      autorep: 'as many as for fine-tuning',
      deepreshape: 'as many as for fine-tuning',
      hybrid: 'as many as for fine-tuning',
    },
  },
  noSearch: {
    called: 'option search-epochs of 0',
    summary: 'with 0 epochs ReLUs are ranked and not learned',
    methods: { deepreduce: no, snl: no, autorep: no, deepreshape: no, hybrid: '' },
  },
  stages: {
    summary: "stages as 'S1=stem.*,layer1.*;S2=layer2.*', by names of nodes, * for any characters",
    methods: {
      deepreduce: 'where the resolution changes',
      snl: no,
      autorep: no,
      deepreshape: no,
      hybrid: no,
    },
  },
  criticality: {
    summary: "a stage's criticality is measured on fitted polynomials, or trained as in the paper",
    methods: {
      deepreduce: deepreduceDefaults.criticality,
      snl: no,
      autorep: no,
      deepreshape: deepreduceDefaults.criticality,
      hybrid: no,
    },
  },
  criticalityEpochs: {
    summary: 'epochs of each training of --criticality trained',
    methods: {
      deepreduce: String(deepreduceDefaults.criticalityEpochs),
      snl: no,
      autorep: no,
      deepreshape: String(deepreduceDefaults.criticalityEpochs),
      hybrid: no,
    },
  },
  thinning: {
    summary: 'what goes first of a stage that is cut: the cheapest elements, or every other layer',
    methods: {
      deepreduce: deepreduceDefaults.thinning,
      snl: no,
      autorep: no,
      deepreshape: deepreduceDefaults.thinning,
      hybrid: no,
    },
  },
  alpha: {
    summary: 'share of the channels that is kept, e.g. 0.5',
    methods: {
      deepreduce: String(deepreduceDefaults.alpha),
      snl: no,
      autorep: no,
      deepreshape: no,
      hybrid: no,
    },
  },
  rho: {
    summary: 'factor of the height and width of the maps: 1/2, 1/3, ..., e.g. 0.5',
    methods: {
      deepreduce: String(deepreduceDefaults.rho),
      snl: no,
      autorep: no,
      deepreshape: no,
      hybrid: no,
    },
  },
  pretrainEpochs: {
    summary: 'epochs of training the new network, before ReLUs go',
    methods: {
      deepreduce: no,
      snl: no,
      autorep: no,
      deepreshape: String(deepreshapeDefaults.pretrainEpochs),
      hybrid: no,
    },
  },
  baseWidth: {
    summary: 'channels of the first stage of the new network',
    methods: {
      deepreduce: no,
      snl: no,
      autorep: no,
      deepreshape: "as many as give the given network's multiplications",
      hybrid: no,
    },
  },
  removal: {
    summary:
      'ReLUs of the new network go by stages (coarse, as in deepreduce) or one by one (fine, as in snl)',
    methods: {
      deepreduce: no,
      snl: no,
      autorep: no,
      deepreshape: 'coarse where the first stage has most ReLUs, else fine',
      hybrid: no,
    },
  },
  reuse: {
    summary: 'only one of n groups of channels keeps its ReLUs in a layer, the next group in the next layer',
    methods: { deepreduce: no, snl: no, autorep: no, deepreshape: 'all groups keep them', hybrid: no },
  },
  mitigate: {
    summary: 'keeps groups of images from losing more accuracy than others while the network is fine-tuned',
    methods: { deepreduce: '', snl: '', autorep: '', deepreshape: '', hybrid: '' },
  },
  fairSelect: {
    summary: 'groups count by their loss, not by their size, where it is decided which ReLUs go',
    methods: { deepreduce: '', snl: '', autorep: '', deepreshape: '', hybrid: '' },
  },
  checkpoint: {
    summary: 'folder for checkpoints and logs after each epoch; a reduction goes on from what is there',
    methods: { deepreduce: '', snl: '', autorep: '', deepreshape: '', hybrid: '' },
  },
  machine: {
    summary: 'costs of the machine for which seconds are predicted',
    methods: {
      deepreduce: no,
      snl: no,
      autorep: no,
      deepreshape: no,
      hybrid: 'the machine that the package was made on',
    },
  },
  bases: {
    summary: 'where the new network is kept for other budgets, trained',
    methods: { deepreduce: no, snl: no, autorep: no, deepreshape: '', hybrid: no },
  },
};

const optionNames = Object.keys(methodOptions) as MethodOption[];

/** The options that are told a reduction, by their names in the table. */
export function givenIn({ budget, deepreduce, deepreshape, ...told }: Partial<ReduceSettings>): GivenOptions {
  return {
    ...{ ...deepreduce, ...deepreshape, ...told },
    costBudget: typeof budget === 'object' ? budget : undefined,
    noSearch: told.searchEpochs === 0 ? true : undefined,
  };
}

/** The methods that take an option. */
export function takersOf(option: MethodOption): MethodName[] {
  const { methods } = methodOptions[option];
  return (Object.keys(methods) as MethodName[]).filter((method) => methods[method] !== null);
}

export function takes(method: MethodName, option: MethodOption): boolean {
  return methodOptions[option].methods[method] !== null;
}

/** The options of these that the method takes. */
export function takenBy<T extends GivenOptions>(method: MethodName, options: T): Partial<T> {
  const entries = Object.entries(options).filter(([name]) => takes(method, name as MethodOption));
  return Object.fromEntries(entries) as Partial<T>;
}

/** Throws UsageError where one of the options is given that none of the methods takes. */
export function checkTaken(methods: readonly MethodName[], given: GivenOptions): void {
  const refused = optionNames.find(
    (option) => given[option] !== undefined && !methods.some((method) => takes(method, option)),
  );
  if (refused !== undefined) throw new UsageError(refusalOf(refused, methods));
}

/** 'option granularity: deepreduce does not take it; snl, autorep and deepreshape do' */
export function refusalOf(option: MethodOption, methods: readonly MethodName[]): string {
  const { called = `option ${kebabCase(option)}` } = methodOptions[option];
  const takers = takersOf(option);
  const verb = (of: readonly MethodName[]) => (of.length === 1 ? 'does' : 'do');
  return `${called}: ${listed(methods)} ${verb(methods)} not take it; ${listed(takers)} ${verb(takers)}`;
}

/** Its line of --help: 'ReLUs go one by one (pixel) or by channels. Methods: snl, autorep, deepreshape (default: pixel)' */
export function helpOf(option: MethodOption): string {
  const takers = takersOf(option);
  const isForAll = Object.keys(methodOptions[option].methods).length === takers.length;
  const methods = isForAll ? '' : `. Methods: ${takers.join(', ')}`;
  const text = defaultText(option, takers);
  return `${methodOptions[option].summary}${methods}${text === '' ? '' : ` (default: ${text})`}`;
}

/** One text where all methods do the same, else one for each kind: 'deepreduce and autorep: quadratic; snl: identity' */
function defaultText(option: MethodOption, takers: readonly MethodName[]): string {
  const { methods } = methodOptions[option];
  const texts = [...new Set(takers.map((method) => methods[method]!))];
  if (texts.length === 1) return texts[0]!;
  return texts
    .map((text) => `${listed(takers.filter((method) => methods[method] === text))}: ${text}`)
    .join('; ');
}

/** 'a, b and c' */
function listed(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

/** searchEpochs -> search-epochs */
function kebabCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
