import { Tensor } from '../core/tensor.ts';
import { readCsv, readParquet, type Table } from '../data/index.ts';
import { bitmapOf, encodePng } from '../formats/png.ts';
import { PictureFiles } from './picture-files.ts';
import type { Config, Source } from './schema.ts';
import { countOf, mixedOrder, openData, type Samples, sliced } from './sources.ts';

/** What is shown of a sample: a picture as a data URL, or a text. */
type Shown = { readonly picture: string } | { readonly text: string };

/** Samples that a run was not trained on. */
export interface HeldOut {
  readonly kind: 'test' | 'validation';
  readonly samples: Samples | PictureFiles;
  show(row: number): Promise<Shown>;
}

/** Test data, else validation data, else the part of the training data that was kept for validation. */
export async function heldOut({ data }: Config): Promise<HeldOut | undefined> {
  const { train, validation, test } = await openData(data);
  if (test && data.test) return shown('test', test, data.test, (row) => row);
  if (validation && data.validation) return shown('validation', validation, data.validation, (row) => row);
  const count = countOf(train);
  const from = Math.floor(count * (1 - data.validationSplit));
  if (from === count) return undefined;
  const order = data.shuffle ? mixedOrder(count) : undefined;
  const samples = train instanceof PictureFiles ? train.slice(from, count) : sliced(train, from, count);
  return shown('validation', samples, data.train, (row) => order?.[from + row] ?? from + row);
}

/** @param placeOf - the row of the file that a sample was */
async function shown(
  kind: HeldOut['kind'],
  samples: Samples | PictureFiles,
  source: Source,
  placeOf: (row: number) => number,
): Promise<HeldOut> {
  if (samples instanceof PictureFiles)
    return { kind, samples, show: async (row) => pictureOf(await samples.picture(row)) };
  const { x } = samples;
  if (x instanceof Tensor && isPictures(x))
    return { kind, samples, show: (row) => pictureOf(x.rows(row, row + 1).reshape(x.shape.slice(1))) };
  const table = await tableOf(source);
  const numbers = (row: number): string =>
    x instanceof Tensor
      ? Array.from(x.rows(row, row + 1).data as Float32Array, short)
          .slice(0, 12)
          .join(' ')
      : '';
  return {
    kind,
    samples,
    show: async (row) => ({ text: table ? rowOf(table, placeOf(row)) : numbers(row) }),
  };
}

const isPictures = ({ rank, shape, dtype }: Tensor): boolean =>
  rank === 4 && dtype === 'float32' && (shape[3] as number) <= 4;

async function pictureOf({ data, shape }: Tensor): Promise<Shown> {
  const png = await encodePng(bitmapOf(data as Float32Array, shape));
  return { picture: `data:image/png;base64,${png.toString('base64')}` };
}

async function tableOf(source: Source): Promise<Table | undefined> {
  const options = { missing: 'nan' as const };
  if ('parquet' in source) return without(await readParquet(source.parquet, options), source.target);
  return 'csv' in source ? without(await readCsv(source.csv, options), source.target) : undefined;
}

const without = ({ columns, rowCount }: Table, target: string): Table => ({
  columns: columns.filter(({ name }) => name !== target),
  rowCount,
});

/** A text alone, or values by name. */
function rowOf({ columns }: Table, row: number): string {
  const texts = columns.map(({ name, values }) => [name, String(values[row])] as const);
  const [only, ...others] = texts;
  return only && others.length === 0 ? only[1] : texts.map(([name, value]) => `${name}: ${value}`).join(', ');
}

const short = (value: number): string => Number(value.toPrecision(3)).toString();
