export { buildCallbacks } from './callbacks.ts';
export { buildModel, compileModel } from './model.ts';
export { parseSource, readConfig, relocated } from './read.ts';
export type { Config, Source } from './schema.ts';
export {
  loadData,
  loadInputs,
  loadSource,
  type Part,
  type RunData,
  type Samples,
  sampleCount,
  sampleShapes,
  withClasses,
} from './sources.ts';
