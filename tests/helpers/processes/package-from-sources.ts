import { registerHooks } from 'node:module';

/** Loaded with --import: the package's name stands for its sources, as they are. */
const sources = new URL('../../../src/index.ts', import.meta.url).href;

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'reluctant' ? { url: sources, shortCircuit: true } : next(specifier, context),
});
