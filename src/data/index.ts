export { readNpy, readNpz } from '../formats/npy.ts';
export { type Column, type CsvOptions, type CsvTensors, csvToTensors, readCsv, type Table } from './csv.ts';
export type { Dataset, Examples } from './dataset.ts';
export { datasets, loadDataset } from './datasets.ts';
export { readIdx } from './idx.ts';
