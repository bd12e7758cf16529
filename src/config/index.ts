export { makeFolder } from '../formats/atomic.ts';
export { cachedFeatures } from './cached-features.ts';
export { buildCallbacks } from './callbacks.ts';
export { defined } from './defined.ts';
export { type HeldOut, heldOut } from './held-out.ts';
export { type InputColumns, loadInputs } from './inputs.ts';
export { configJsonSchema } from './json-schema.ts';
export { buildModel, compileModel } from './model.ts';
export { evaluateArguments, fitArguments } from './model-data.ts';
export { PictureFiles } from './picture-files.ts';
export {
  type LineFormat,
  lineFormats,
  linesOf,
  type Prediction,
  predictedClasses,
  rowsOf,
  savePredictions,
} from './predictions.ts';
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
  countOf,
  limited,
  loadData,
  loadSource,
  openData,
  openSource,
  type Part,
  type RunData,
  type Samples,
  sampleCount,
  sampleShapes,
  shapesOf,
  withClasses,
} from './sources.ts';
export {
  costOf,
  fallsBehind,
  modeOf,
  type Round,
  roundsOf,
  type Sweep,
  sweepOf,
  type Trial,
  trialsOf,
} from './sweep.ts';
export { openTrained, type TrainedModel } from './trained.ts';
