export { readNpy, readNpz } from '../formats/npy.ts';
export type { ParquetValue } from '../formats/parquet.ts';
export { idxRows, npyRows, npzRows } from './array-rows.ts';
export type { Batched } from './batch.ts';
export { type CsvOptions, csvToColumns, csvToTensors, readCsv } from './csv.ts';
export type { Dataset, Examples } from './dataset.ts';
export { datasets, loadDataset } from './datasets.ts';
export { DirectoryPipeline, type LabelledFile, textDatasetFromDirectory } from './directory.ts';
export type { Cell, ColumnData, Columns } from './feature-columns.ts';
export { FeatureSpace, type FeatureSpaceOptions, featureSpace, loadFeatureSpace } from './feature-space.ts';
export { featureKinds } from './features.ts';
export { readIdx } from './idx.ts';
export { type ImageDataset, imageDatasetFromCsv, imageDatasetFromDirectory } from './image-directory.ts';
export {
  type ParquetOptions,
  type ParquetRow,
  parquetRows,
  parquetToColumns,
  parquetToTensors,
  readParquet,
} from './parquet.ts';
export { arrayToImg, imgToArray, loadImg, saveImg } from './picture.ts';
export { Pipeline, type Pipelines, zip } from './pipeline.ts';
export { csvRows, jsonLines, type Row, textLines, tfRecords } from './readers.ts';
export { normalize, type PadOptions, padSequences, toCategorical } from './sequences.ts';
export { type Arrays, fromArrays, fromGenerator, range, type SampleOf } from './sources.ts';
export { splitDataset } from './split.ts';
export { type Column, columnsOf, type Table, type TableTensors } from './table.ts';
export { timeseriesDatasetFromArray } from './timeseries.ts';
export type { MapContext } from './transform.ts';
export { readVocabulary, writeVocabulary } from './vocabulary.ts';
export { readWav, type Wav } from './wav.ts';
