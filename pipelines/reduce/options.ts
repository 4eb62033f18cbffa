import { UsageError } from '../../src/shared/errors.ts';
import { deepreduceDefaults } from './deepreduce/settings.ts';
import type { DeepreduceSettings } from './deepreduce/settings.ts';
import { deepreshapeDefaults } from './deepreshape/settings.ts';
import type { DeepreshapeSettings } from './deepreshape/settings.ts';
import { defaultGranularity } from './gates/layer-states.ts';
import type { MethodName } from './methods.ts';
import { defaultRanking } from './ranking.ts';
import type { Costing, FineTuning, Keeping, OwnSettings, Replacing } from './reduction.ts';
import type { Mitigation } from './mitigation/mitigation.ts';
import type { Budget } from '../cost/budget.ts';

/** The settings of a reduction. `methodOptions` says which of them each method takes. */
export type ReduceSettings = Replacing &
  Pick<FineTuning, 'featureLoss' | 'rangeLoss' | 'polish'> &
  OwnSettings &
  Keeping &
  Pick<Costing, 'machine' | 'agreement'> & {
    /**
     * ReLUs to keep: a count, or a share in (0, 1). For hybrid also what one inference may cost: '1s@wan'.
     */
    readonly budget: Budget | string;
    /** Keeps groups of images from losing more than others during fine-tuning. */
    readonly mitigate?: Pick<Mitigation, 'scheme' | 'settings'>;
    /** Weighs groups by their loss, not by their size, when it is decided which ReLUs go (default: false). */
    readonly fairSelect?: boolean;
  };

/** The options of a reduction: every setting of a method, and the special budgets and values. */
export type MethodOption =
  | keyof DeepreduceSettings
  | keyof DeepreshapeSettings
  | Exclude<keyof ReduceSettings, 'budget' | 'deepreduce' | 'deepreshape'>
  | 'costBudget'
  | 'family'
  | 'noSearch';

/** Options by their names; an option that is undefined is not given. */
export type GivenOptions = { readonly [O in MethodOption]?: unknown };

type Entry = {
  /** One line for --help. */
  readonly summary: string;
  /**
   * For each method, its default in words ('' if it needs no words), or null if the method does not take the
   * option.
   */
  readonly methods: { readonly [M in MethodName]: string | null };
  /** The name in a refusal, for an entry that is not an option of its own. */
  readonly called?: string;
};

/** The method does not take the option. */
const no = null;

/** Which methods take which option. The command line, sweeps, recipes and the library all use this table. */
export const methodOptions: { readonly [O in MethodOption]: Entry } = {
  costBudget: {
    called: 'a budget in seconds or bytes',
    summary: 'the largest cost of an inference, in seconds or bytes',
    methods: { deepreduce: no, snl: no, autorep: no, taylor: no, deepreshape: no, hybrid: '' },
  },
  agreement: {
    summary:
      'count a budget in seconds or bytes with the fewest bits at which this share of answers has the label ' +
      "of the network before, such as 0.99; 'serve' then needs these bits",
    methods: { deepreduce: no, snl: no, autorep: no, taylor: no, deepreshape: no, hybrid: '' },
  },
  family: {
    summary: "make all networks of the paper's family instead of meeting a budget",
    methods: { deepreduce: '', snl: no, autorep: no, taylor: no, deepreshape: no, hybrid: no },
  },
  replace: {
    summary: 'what replaces a removed ReLU',
    methods: {
      deepreduce: 'quadratic',
      snl: 'identity',
      autorep: 'quadratic',
      taylor: 'identity',
      deepreshape: 'quadratic if --removal is coarse, identity if it is fine',
      hybrid: 'quadratic or affine, chosen for each layer',
    },
  },
  ranking: {
    summary:
      'the order in which gates start (autorep) or ReLUs go (hybrid): by how far answers diverge and how well ' +
      "polynomials fit (divergence), or by the loss's Taylor series as in method taylor",
    methods: {
      deepreduce: no,
      snl: no,
      autorep: defaultRanking,
      taylor: no,
      deepreshape: no,
      hybrid: defaultRanking,
    },
  },
  granularity: {
    summary: 'remove single ReLUs (pixel) or whole channels',
    methods: {
      deepreduce: no,
      snl: defaultGranularity,
      autorep: defaultGranularity,
      taylor: defaultGranularity,
      deepreshape: defaultGranularity,
      hybrid: no,
    },
  },
  searchEpochs: {
    summary: 'epochs of learning which ReLUs to keep',
    methods: {
      deepreduce: no,
      snl: 'the value of --epochs',
      autorep: 'the value of --epochs',
      taylor: 'the value of --epochs',
      deepreshape: 'the value of --epochs',
      hybrid: 'the value of --epochs',
    },
  },
  noSearch: {
    called: 'option search-epochs of 0',
    summary: '0 ranks the ReLUs instead of learning which to keep',
    methods: { deepreduce: no, snl: no, autorep: no, taylor: no, deepreshape: no, hybrid: '' },
  },
  stages: {
    summary: "stages by node names, e.g. 'S1=stem.*,layer1.*;S2=layer2.*'; * stands for any characters",
    methods: {
      deepreduce: 'a new stage where the resolution changes',
      snl: no,
      autorep: no,
      taylor: no,
      deepreshape: no,
      hybrid: no,
    },
  },
  criticality: {
    summary:
      "how to find a stage's criticality: with fitted polynomials, or by training networks as in the paper",
    methods: {
      deepreduce: deepreduceDefaults.criticality,
      snl: no,
      autorep: no,
      taylor: no,
      deepreshape: deepreduceDefaults.criticality,
      hybrid: no,
    },
  },
  criticalityEpochs: {
    summary: 'epochs of each training for --criticality trained',
    methods: {
      deepreduce: String(deepreduceDefaults.criticalityEpochs),
      snl: no,
      autorep: no,
      taylor: no,
      deepreshape: String(deepreduceDefaults.criticalityEpochs),
      hybrid: no,
    },
  },
  order: {
    summary: 'the stages, most critical first, e.g. S3,S2,S4,S1',
    methods: {
      deepreduce: 'measured by --criticality',
      snl: no,
      autorep: no,
      taylor: no,
      deepreshape: 'measured by --criticality',
      hybrid: no,
    },
  },
  cull: {
    summary: 'the stages that lose all their ReLUs, e.g. S1,S4',
    methods: {
      deepreduce: 'as many as the budget allows, least critical first',
      snl: no,
      autorep: no,
      taylor: no,
      deepreshape: no,
      hybrid: no,
    },
  },
  thinning: {
    summary:
      'what goes first from stages that are not culled: the least useful ReLUs, one stage after the other, or every other layer of all of them',
    methods: {
      deepreduce: deepreduceDefaults.thinning,
      snl: no,
      autorep: no,
      taylor: no,
      deepreshape: deepreduceDefaults.thinning,
      hybrid: no,
    },
  },
  alpha: {
    summary: 'keep this share of the channels, e.g. 0.5',
    methods: {
      deepreduce: String(deepreduceDefaults.alpha),
      snl: no,
      autorep: no,
      taylor: no,
      deepreshape: no,
      hybrid: no,
    },
  },
  rho: {
    summary: 'multiply the height and width of the feature maps by 1/2, 1/3, ..., e.g. 0.5',
    methods: {
      deepreduce: String(deepreduceDefaults.rho),
      snl: no,
      autorep: no,
      taylor: no,
      deepreshape: no,
      hybrid: no,
    },
  },
  pretrainEpochs: {
    summary: 'epochs of training the new network before ReLUs are removed',
    methods: {
      deepreduce: no,
      snl: no,
      autorep: no,
      taylor: no,
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
      taylor: no,
      deepreshape: "chosen to match the given network's multiplications",
      hybrid: no,
    },
  },
  removal: {
    summary: "remove the new network's ReLUs by stages (coarse, as deepreduce) or one by one (fine, as snl)",
    methods: {
      deepreduce: no,
      snl: no,
      autorep: no,
      taylor: no,
      deepreshape: 'coarse if the first stage has the most ReLUs, else fine',
      hybrid: no,
    },
  },
  reuse: {
    summary:
      'divide the channels into n groups; each layer keeps the ReLUs of one group, the next layer of the next',
    methods: {
      deepreduce: no,
      snl: no,
      autorep: no,
      taylor: no,
      deepreshape: 'all groups keep their ReLUs',
      hybrid: no,
    },
  },
  mitigate: {
    summary: 'keep groups of images from losing more accuracy than others during fine-tuning',
    methods: { deepreduce: '', snl: '', autorep: '', taylor: '', deepreshape: '', hybrid: '' },
  },
  fairSelect: {
    summary: 'weight groups by their loss, not by their size, when choosing the ReLUs to remove',
    methods: { deepreduce: '', snl: '', autorep: '', taylor: '', deepreshape: '', hybrid: '' },
  },
  featureLoss: {
    summary:
      "the weight of a loss between the maps of the network and of its teacher after each stage (ReLUPruner's is 1000)",
    methods: { deepreduce: '0', snl: '0', autorep: '0', taylor: '0', deepreshape: '0', hybrid: '0' },
  },
  rangeLoss: {
    summary: "the weight of a penalty on large inputs of polynomials (PILLAR's is 0.001)",
    methods: { deepreduce: '0', snl: '0', autorep: '0', taylor: '0', deepreshape: '0', hybrid: '0' },
  },
  polish: {
    summary:
      'swap ReLUs that stay for others before the last fine-tuning, as long as the loss on 512 validation images falls; at most this many evaluations',
    methods: { deepreduce: '0', snl: '0', autorep: '0', taylor: '0', deepreshape: '0', hybrid: '0' },
  },
  checkpoint: {
    summary:
      'save checkpoints and logs in this folder after each epoch; the same command continues from there',
    methods: { deepreduce: '', snl: '', autorep: '', taylor: '', deepreshape: '', hybrid: '' },
  },
  machine: {
    summary: 'costs of the machine for which seconds are predicted',
    methods: {
      deepreduce: no,
      snl: no,
      autorep: no,
      taylor: no,
      deepreshape: no,
      hybrid: 'the machine that the package was made on',
    },
  },
  bases: {
    summary: 'where the trained new network is kept for other budgets',
    methods: { deepreduce: no, snl: no, autorep: no, taylor: no, deepreshape: '', hybrid: no },
  },
};

const optionNames = Object.keys(methodOptions) as MethodOption[];

/** The options in a reduction's settings, by their names in the table. */
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

/** Those of the given options that the method takes. */
export function takenBy<T extends GivenOptions>(method: MethodName, options: T): Partial<T> {
  const entries = Object.entries(options).filter(([name]) => takes(method, name as MethodOption));
  return Object.fromEntries(entries) as Partial<T>;
}

/** Throws UsageError for a given option that none of the methods takes. */
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

/**
 * Its line of --help, such as 'keep this share of the channels, e.g. 0.5. Methods: deepreduce (default: 1)'.
 */
export function helpOf(option: MethodOption): string {
  const takers = takersOf(option);
  const isForAll = Object.keys(methodOptions[option].methods).length === takers.length;
  const methods = isForAll ? '' : `. Methods: ${takers.join(', ')}`;
  const text = defaultText(option, takers);
  return `${methodOptions[option].summary}${methods}${text === '' ? '' : ` (default: ${text})`}`;
}

/**
 * One default if all methods share it, else one for each: 'deepreduce and autorep: quadratic; snl: identity'.
 */
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
