export { readNpy, readNpz } from '../formats/npy.ts';
export type { Batched } from './batch.ts';
export {
  type Column,
  type CsvOptions,
  type CsvTensors,
  columnsOf,
  csvToColumns,
  csvToTensors,
  readCsv,
  type Table,
} from './csv.ts';
export type { Dataset, Examples } from './dataset.ts';
export { datasets, loadDataset } from './datasets.ts';
export { DirectoryPipeline, type LabelledFile, textDatasetFromDirectory } from './directory.ts';
export type { Cell, ColumnData, Columns } from './feature-columns.ts';
export { FeatureSpace, type FeatureSpaceOptions, featureSpace, loadFeatureSpace } from './feature-space.ts';
export { featureKinds } from './features.ts';
export { readIdx } from './idx.ts';
export { npyRows } from './npy-rows.ts';
export { Pipeline } from './pipeline.ts';
export { csvRows, jsonLines, type Row, textLines, tfRecords } from './readers.ts';
export { normalize, type PadOptions, padSequences, toCategorical } from './sequences.ts';
export { type Arrays, fromArrays, fromGenerator, range, type SampleOf } from './sources.ts';
export { splitDataset } from './split.ts';
export { timeseriesDatasetFromArray } from './timeseries.ts';
export type { MapContext } from './transform.ts';
export { readVocabulary, writeVocabulary } from './vocabulary.ts';
export { readWav, type Wav } from './wav.ts';
