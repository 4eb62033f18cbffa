/**
 * The distillation in the released code of AutoReP (Peng et al., ICCV 2023) and of SNL (Cho et al., ICML
 * 2022).
 */
export const publishedDistillation = { temperature: 4, weight: 1 };
