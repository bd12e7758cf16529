import type * as H5 from 'h5wasm';
import { allDtypes, allocate, bytesOf, type DType, isDtype, type TensorData, viewOf } from '../core/dtype.ts';
import { formatShape, sizeOf, type TensorType } from '../core/shape.ts';
import { Tensor } from '../core/tensor.ts';
import { ConfigError, FormatError, TfkError } from '../errors.ts';
import { messageOf, readBytes } from './atomic.ts';

const limits = {
  /** Largest data set that is read unless the caller says otherwise: what the wasm heap can hold. */
  datasetBytes: 2 ** 31,
  attributeBytes: 2 ** 26,
  /** Data sets up to this size may exceed the file; larger ones only as far as deflate can compress. */
  freeBytes: 2 ** 26,
  ratio: 1032,
} as const;

/** Value of an HDF5 attribute; numbers of every width read as `number`. */
export type AttributeValue = string | number | string[] | number[];

/** What {@link readHdf5} lends its callback. Paths are absolute or relative to the root: `layers/dense/vars/0`. */
export interface Hdf5Reader {
  /** Paths of all groups and data sets. */
  paths(): string[];
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
  checkHeaps(bytes, label);
  const bound = Math.min(
    options.maxBytes ?? limits.datasetBytes,
    Math.max(limits.freeBytes, limits.ratio * bytes.length),
  );
  return withModule((h5, fs, path) => {
    const withoutCopy = { flags: 'w', canOwn: true };
    fs.writeFile(path, bytes, withoutCopy);
    const file = guard(label, 'not a readable HDF5 file', () => new h5.File(path, 'r'));
    try {
      return use(new Reader(file, h5, label, bound));
    } finally {
      guard(label, 'cannot be closed', () => file.close());
    }
  });
}

/**
 * Makes an HDF5 file.
 * @param build - fills the file; the writer is dead after it returns
 * @returns the bytes of the file
 * @throws {@link ConfigError} when a path is written twice
 */
export async function writeHdf5(build: (file: Hdf5Writer) => void): Promise<Uint8Array> {
  return withModule((h5, fs, path) => {
    const file = new h5.File(path, 'w');
    try {
      build(new Writer(file, h5));
    } finally {
      file.close();
    }
    return fs.readFile(path, { flags: 'r' });
  });
}

type FileSystem = NonNullable<typeof H5.FS>;
let opened = 0;

/** Lends h5wasm and the name of a file in its memory, which is removed afterwards. */
async function withModule<T>(use: (h5: typeof H5, fs: FileSystem, path: string) => T): Promise<T> {
  const h5 = await import('h5wasm');
  const { FS: fs, activate_throwing_error_handler, deactivate_throwing_error_handler } = await h5.ready;
  const path = `/tfk-${opened++}.h5`;
  activate_throwing_error_handler();
  try {
    return use(h5, fs, path);
  } finally {
    deactivate_throwing_error_handler();
    if (fs.analyzePath(path).exists) fs.unlink(path);
  }
}

/** Runs a call of the HDF5 library; what it throws becomes a {@link FormatError} with its innermost reason. */
function guard<T>(label: string, what: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (error instanceof TfkError) throw error;
    const message = messageOf(error);
    const reason = [...message.matchAll(/\(\): (.+)/g)].at(-1)?.[1] ?? message;
    throw new FormatError(`${label}: ${what}: ${reason}.`, { op: 'hdf5', cause: error });
  }
}

/**
 * Refuses global heaps whose objects do not add up: HDF5 2.0.0 may walk such a heap forever when it reads a text
 * of variable length. A heap is `GCOL`, version, size; its objects are index, count, size and padded content, and
 * the object of index 0 is what is free, header included.
 * @source HDF5 File Format Specification 3.0, III.E
 */
function checkHeaps(bytes: Uint8Array, label: string): void {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const signature = Buffer.from('GCOL\x01\0\0\0', 'latin1');
  const header = 16;
  for (let heap = buffer.indexOf(signature); heap !== -1; heap = buffer.indexOf(signature, heap + header)) {
    if (heap + header > buffer.length) return;
    const end = Math.min(heap + Number(buffer.readBigUInt64LE(heap + 8)), buffer.length);
    for (let at = heap + header; at + header <= end; ) {
      const size = Number(buffer.readBigUInt64LE(at + 8));
      const isFree = buffer.readUInt16LE(at) === 0;
      const step = isFree ? size : header + 8 * Math.ceil(size / 8);
      if (step < header || at + step > end) {
        throw new FormatError(`${label}: not a readable HDF5 file: the heap at byte ${heap} is damaged.`);
      }
      at += step;
    }
  }
}

class Reader implements Hdf5Reader {
  readonly #file: H5.File;
  readonly #h5: typeof H5;
  readonly #label: string;
  readonly #maxBytes: number;

  constructor(file: H5.File, h5: typeof H5, label: string, maxBytes: number) {
    this.#file = file;
    this.#h5 = h5;
    this.#label = label;
    this.#maxBytes = maxBytes;
  }

  paths(): string[] {
    return this.#guard('/', () => this.#file.paths());
  }

  keys(group: string): string[] {
    return this.#guard(group, () => {
      const entity = this.#file.get(group);
      if (entity instanceof this.#h5.Group) return entity.keys();
      throw this.#missing(group, 'group');
    });
  }

  kind(path: string): 'group' | 'dataset' | undefined {
    return this.#guard(path, () => {
      const entity = this.#file.get(path);
      if (entity instanceof this.#h5.Group) return 'group';
      return entity instanceof this.#h5.Dataset ? 'dataset' : undefined;
    });
  }

  attributeNames(path: string): string[] {
    return this.#guard(path, () => Object.keys(this.#entity(path).attrs));
  }

  attribute(path: string, name: string): AttributeValue | undefined {
    return this.#guard(`${path}@${name}`, () => {
      const attribute = this.#entity(path).attrs[name];
      if (!attribute) return undefined;
      const { size, total_size } = attribute.metadata;
      this.#checkBytes(`${path}@${name}`, size * total_size, limits.attributeBytes);
      return plainValue(attribute.value, `${this.#label}: ${path}@${name}`);
    });
  }

  type(path: string): TensorType {
    return this.#guard(path, () => this.#type(path, this.#dataset(path).metadata));
  }

  dataset(path: string): Tensor {
    return this.#guard(path, () => {
      const dataset = this.#dataset(path);
      const { dtype, shape } = this.#type(path, dataset.metadata);
      const length = sizeOf(shape);
      this.#checkBytes(path, length * bytesOf(dtype), this.#maxBytes);
      if (length === 0) return new Tensor(dtype, shape, allocate(dtype, 0));
      return new Tensor(dtype, shape, elements(dataset.value, dtype, length));
    });
  }

  #type(path: string, metadata: H5.Metadata): TensorType {
    const dtype = dtypeOfMetadata(metadata);
    if (dtype && metadata.shape) return { dtype, shape: metadata.shape };
    throw new FormatError(
      `${this.#label}: ${path}: no tensor holds this data set (HDF5 type class ${metadata.type} of ` +
        `${metadata.size} bytes). Readable: ${allDtypes.join(', ')}.`,
      { op: 'hdf5', received: `class ${metadata.type}` },
    );
  }

  #entity(path: string): H5.Group | H5.Dataset {
    const entity = this.#file.get(path);
    if (entity instanceof this.#h5.Group || entity instanceof this.#h5.Dataset) return entity;
    throw this.#missing(path, 'group or data set');
  }

  #dataset(path: string): H5.Dataset {
    const entity = this.#file.get(path);
    if (entity instanceof this.#h5.Dataset) return entity;
    throw this.#missing(path, 'data set');
  }

  #missing(path: string, kind: string): FormatError {
    const parent = path.slice(0, Math.max(0, path.lastIndexOf('/')));
    const group = this.#file.get(parent || '/');
    const known =
      group instanceof this.#h5.Group ? ` "${parent || '/'}" has: ${group.keys().join(', ')}.` : '';
    return new FormatError(`${this.#label}: no ${kind} "${path}".${known}`, { op: 'hdf5', expected: path });
  }

  #checkBytes(path: string, bytes: number, most: number): void {
    if (bytes <= most) return;
    throw new FormatError(
      `${this.#label}: ${path} declares ${bytes} bytes; at most ${most} are read from this file.`,
      { op: 'hdf5', expected: `at most ${most}`, received: String(bytes) },
    );
  }

  #guard<T>(path: string, call: () => T): T {
    return guard(this.#label, `cannot read ${path}`, call);
  }
}

/** The element type of a data set, if a tensor can hold it. h5py stores booleans as an enumeration. */
function dtypeOfMetadata({ type, size, signed, enum_type }: H5.Metadata): DType | undefined {
  const integer = 0;
  const float = 1;
  if (enum_type) return size === 1 && 'TRUE' in enum_type.members ? 'bool' : undefined;
  const prefix = type === float ? 'float' : type === integer ? (signed ? 'int' : 'uint') : '';
  const name = `${prefix}${size * 8}`;
  return isDtype(name) ? name : undefined;
}

/** h5wasm gives a typed array, but the bare element for a scalar. */
function elements(value: H5.OutputData | null, dtype: DType, length: number): TensorData {
  if (ArrayBuffer.isView(value)) return viewOf(dtype, value.buffer, value.byteOffset, length);
  if (typeof value !== 'number' && typeof value !== 'bigint') throw new FormatError('no elements were read');
  const data = allocate(dtype, 1);
  data[0] = value;
  return data;
}

function plainValue(value: H5.OutputData | null, where: string): AttributeValue {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'bigint') return Number(value);
  if (ArrayBuffer.isView(value)) return Array.from<number | bigint, number>(value, Number);
  if (Array.isArray(value)) {
    const texts = value.filter((element) => typeof element === 'string');
    if (texts.length === value.length) return texts;
  }
  throw new FormatError(`${where}: expected text or numbers in the attribute.`, { op: 'hdf5' });
}

class Writer implements Hdf5Writer {
  readonly #file: H5.File;
  readonly #h5: typeof H5;

  constructor(file: H5.File, h5: typeof H5) {
    this.#file = file;
    this.#h5 = h5;
  }

  group(path: string): void {
    this.#group(partsOf(path));
  }

  attribute(path: string, name: string, value: AttributeValue): void {
    const entity = this.#file.get(path);
    const owner = entity instanceof this.#h5.Dataset ? entity : this.#group(partsOf(path));
    owner.create_attribute(name, value, null, attributeType(value));
  }

  dataset(path: string, tensor: Tensor): void {
    const parts = partsOf(path);
    const name = parts.pop();
    if (name === undefined) throw new ConfigError('HDF5: a data set needs a name.');
    const group = this.#group(parts);
    if (group.get(name)) throw new ConfigError(`HDF5: "${path}" is written twice.`);
    try {
      group.create_dataset({ name, data: tensor.data, shape: [...tensor.shape] });
    } catch (error) {
      throw new ConfigError(
        `HDF5: cannot write "${path}", ${tensor.dtype}${formatShape(tensor.shape)}: ${messageOf(error)}. A data set ` +
          'of 2 GiB and more fits into .safetensors files and ONNX, but not in here.',
        { op: 'hdf5', received: String(tensor.data.byteLength), cause: error },
      );
    }
  }

  #group(parts: readonly string[]): H5.Group {
    let group: H5.Group = this.#file;
    for (const part of parts) {
      const next = group.get(part) ?? group.create_group(part);
      if (!(next instanceof this.#h5.Group)) {
        throw new ConfigError(`HDF5: "${parts.join('/')}" is written as a group, but "${part}" is none.`);
      }
      group = next;
    }
    return group;
  }
}

const partsOf = (path: string): string[] => path.split('/').filter((part) => part !== '');

/** `S`: text of any length in UTF-8; `<i`: int32; `<d`: float64. An empty list is one of numbers, as in h5py. */
function attributeType(value: AttributeValue): string {
  const values = typeof value === 'object' ? value : [value];
  const int32 = (element: string | number): boolean =>
    typeof element === 'number' && (element | 0) === element;
  if (typeof values[0] === 'string') return 'S';
  return values.length > 0 && values.every(int32) ? '<i' : '<d';
}
