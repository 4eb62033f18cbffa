/**
 * How elements are ranked before a search: by what replacing them does to the answers (`elementCosts`), or by
 * the Taylor series of the loss (`taylorCosts`).
 */
export const rankings = ['divergence', 'taylor'] as const;
export type Ranking = (typeof rankings)[number];
export const defaultRanking: Ranking = 'divergence';
