export { buildCallbacks } from './callbacks.ts';
export { defined } from './defined.ts';
export { buildModel, compileModel } from './model.ts';
export { type Prediction, predictedClasses, rowsOf, savePredictions } from './predictions.ts';
export { parseSource, readConfig, relocated } from './read.ts';
export { newRecord, type RunRecord, readRecord, weightsHash } from './record.ts';
export {
  checkpointFolder,
  closeRun,
  exists,
  isFolder,
  openRunFolder,
  type RunState,
  readHistory,
  readJson,
  runFiles,
  runState,
  writeJson,
  writeText,
} from './run-folder.ts';
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
export { openTrained, type TrainedModel } from './trained.ts';
