/** The images that a network was trained with, as far as a file can tell without holding any of them. */
export type TrainingData = {
  /** The name or spec of the data set; of a path only its last part. */
  readonly name: string;
  /** SHA-256 of the whole training split in the form that the network takes: its images and labels. */
  readonly hash: string;
  /** The number of images in the whole training split. */
  readonly images: number;
  /** The share of each class that was held out as validation images; 0 if all were trained on. */
  readonly heldOut: number;
};

/** A training of a network: from random weights, or the fine-tuning of a reduction. */
export type HistoryStep = {
  readonly step: 'train' | 'reduce';
  readonly data: TrainingData;
  /** The method of a reduction, and the ReLUs that it left. */
  readonly method?: string;
  readonly relus?: number;
  /** The scheme that protected groups, and the columns of these groups. */
  readonly mitigation?: { readonly scheme: string; readonly groups: string };
  /** Groups counted by their loss when it was decided which ReLUs go. */
  readonly fairSelect?: boolean;
};

/** The trainings of a network in their order, those of the networks that it was made of included. */
export type History = readonly HistoryStep[];
