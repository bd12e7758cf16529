import type * as H5 from 'h5wasm';
import { allDtypes, bytesOf, type DType, isFloat, type TensorData } from '../core/dtype.ts';
import { formatShape, type TensorType } from '../core/shape.ts';
import { Tensor } from '../core/tensor.ts';
import { ConfigError, FormatError, TfkError } from '../errors.ts';
import { readBytes } from './atomic.ts';

const limits = {
  /** Largest data set that is read unless the caller says otherwise: what the wasm heap can hold. */
  datasetBytes: 2 ** 31,
  attributeBytes: 2 ** 26,
  /** Data sets up to this size may exceed the file; larger ones only as far as deflate can compress. */
  freeBytes: 2 ** 26,
  ratio: 1032,
} as const;

/** Value of an HDF5 attribute; numbers of every width read as `number`. */
export type AttributeValue = string | number | readonly string[] | readonly number[];

/** What {@link readHdf5} lends its callback. Paths are absolute or relative to the root: `layers/dense/vars/0`. */
export interface Hdf5Reader {
  /** Names of the members of a group. */
  keys(group: string): string[];
  kind(path: string): 'group' | 'dataset' | undefined;
  attributeNames(path: string): string[];
  /** `undefined` when there is no such attribute. */
  attribute(path: string, name: string): AttributeValue | undefined;
  /** Element type and shape of a data set, without reading it. */
  type(path: string): TensorType;
  dataset(path: string): Tensor;
}

/** What {@link writeHdf5} lends its callback. Missing groups on a path are made. */
export interface Hdf5Writer {
  group(path: string): void;
  attribute(path: string, name: string, value: AttributeValue): void;
  /** A contiguous data set; `bool` is stored as bytes, 0 or 1. */
  dataset(path: string, tensor: Tensor): void;
}

/**
 * Opens an HDF5 file, lends it to `use`, and closes it again, whatever happens.
 * The file lives in the memory of the wasm module: links to other files lead nowhere.
 * @param source - path, or the bytes of the file
 * @param use - reads what it needs; the reader is dead after it returns
 * @returns what `use` returns
 * @throws {@link FormatError} when the file is corrupt, hostile or lacks what `use` asks for
 */
export async function readHdf5<T>(
  source: string | Uint8Array,
  use: (file: Hdf5Reader) => T,
  options: { readonly label?: string; readonly maxBytes?: number } = {},
): Promise<T> {
  const label = options.label ?? (typeof source === 'string' ? source : 'HDF5 data');
  const bytes = await readBytes(source);
  const bound = Math.min(
    options.maxBytes ?? limits.datasetBytes,
    Math.max(limits.freeBytes, limits.ratio * bytes.length),
  );
  return withFile('r', bytes, label, (file, h5) => use(new Reader(file, h5, label, bound)));
}

/**
 * Makes an HDF5 file.
 * @param build - fills the file; the writer is dead after it returns
 * @returns the bytes of the file
 */
export async function writeHdf5(build: (file: Hdf5Writer) => void): Promise<Uint8Array> {
  const written = await withFile('w', new Uint8Array(), 'HDF5 file', (file) => build(new Writer(file)));
  return written.bytes;
}

let files = 0;

/** Runs `use` on a file of the module's memory and removes the file. HDF5's complaints become exceptions. */
async function withFile<T>(
  mode: 'r' | 'w',
  bytes: Uint8Array,
  label: string,
  use: (file: H5.File, h5: typeof H5) => T,
): Promise<T> {
  const h5 = await import('h5wasm');
  const module = await h5.ready;
  const path = `/tfk-${files++}.h5`;
  module.activate_throwing_error_handler();
  let file: H5.File | undefined;
  try {
    return use(file, h5);
  } catch (error) {
    throw hdf5Error(error, label);
  } finally {
  }
}
