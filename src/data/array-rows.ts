import { bytesOf, viewOf } from '../core/dtype.ts';
import { formatShape, type Shape, sizeOf } from '../core/shape.ts';
import { Tensor } from '../core/tensor.ts';
import { FormatError } from '../errors.ts';
import { type ByteSource, type ByteStream, fileBytes, memberBytes } from '../formats/byte-source.ts';
import { type Header, readHeader, swapBytes } from '../formats/npy.ts';
import { idxHeader } from './idx.ts';
import { Pipeline } from './pipeline.ts';
import { type Block, BlockCursor } from './stage.ts';

/** Bytes that are read at once. */
const blockBytes = 2 ** 20;
/** The longest header that is read. */
const headerBytes = 2 ** 16;
/** The largest row. */
const longestRow = 2 ** 31;

/** An array in a file whose rows are read when they are asked for. */
interface ArrayFile extends Header {
  readonly label: string;
  readonly bytes: ByteSource;
  readonly rows: number;
  readonly row: Shape;
  readonly rowBytes: number;
}

class RowsCursor extends BlockCursor<Tensor> {
  readonly #file: ArrayFile;
  /** Rows of each block that may still be used. */
  readonly #used = new WeakMap<ArrayBufferLike, number>();
  readonly #free: ArrayBufferLike[] = [];
  #stream: ByteStream | undefined;

  constructor(file: ArrayFile) {
    super(file.rows);
    this.#file = file;
  }

  protected override async load(start: number): Promise<Block<Tensor>> {
    const { bytes, dtype, label, offset, row, rowBytes, rows, swapped } = this.#file;
    this.#stream ??= bytes.from(offset + start * rowBytes);
    const end = Math.min(rows, start + Math.max(1, Math.floor(blockBytes / rowBytes)));
    const block = this.#blockOf((end - start) * rowBytes);
    this.#used.set(block.buffer, end - start);
    if ((await this.#stream.fill(block)) < block.length)
      throw new FormatError(`${label}: the file ends within row ${end - 1} of ${rows}.`);
    if (end === rows && (await this.#stream.fill(new Uint8Array(1))) > 0)
      throw new FormatError(`${label}: the file goes on after its ${rows} rows.`);
    if (swapped) swapBytes(block, bytesOf(dtype));
    const size = sizeOf(row);
    const data = viewOf(dtype, block.buffer, 0, (end - start) * size);
    const get = (i: number): Tensor =>
      new Tensor(dtype, row, data.subarray((i - start) * size, (i - start + 1) * size));
    return { start, end, get };
  }

  #blockOf(bytes: number): Uint8Array {
    const free = this.#free.pop();
    return free?.byteLength === bytes ? new Uint8Array(free) : new Uint8Array(bytes);
  }

  /** A block none of whose rows is used any more is filled again. */
  recycle({ data: { buffer } }: Tensor): void {
    const used = (this.#used.get(buffer) ?? 0) - 1;
    this.#used.set(buffer, used);
    if (used === 0) this.#free.push(buffer);
  }

  override async close(): Promise<void> {
    await this.#stream?.close();
    this.#stream = undefined;
  }
}

async function rowsOf(
  bytes: ByteSource,
  label: string,
  parse: (start: Uint8Array, file: string) => Header,
): Promise<Pipeline<Tensor>> {
  const beginning = new Uint8Array(Math.min(headerBytes, bytes.size ?? headerBytes));
  const stream = bytes.from(0);
  const read = await stream.fill(beginning).finally(() => stream.close());
  const header = parse(beginning.subarray(0, read), label);
  const { dtype, shape, offset, fortranOrder } = header;
  const expected = offset + sizeOf(shape) * bytesOf(dtype);
  const [rows, ...row] = shape;
  const rowBytes = sizeOf(row) * bytesOf(dtype);
  if (rows === undefined || rowBytes === 0 || rowBytes > longestRow) {
    throw new FormatError(
      `${label}: expected rows of 1 to ${longestRow} bytes. Received ${dtype}${formatShape(shape)}.`,
      { received: `${dtype}${formatShape(shape)}` },
    );
  }
  if (bytes.size !== undefined && bytes.size !== expected) {
    throw new FormatError(
      `${label}: ${dtype}${formatShape(shape)} takes ${expected} bytes with its header. Received ${bytes.size}.`,
      { expected: `${expected} bytes`, received: `${bytes.size} bytes` },
    );
  }
  if (fortranOrder && shape.length > 1) {
    throw new FormatError(
      `${label}: rows can be read from arrays in C order. Save it with np.ascontiguousarray, or read it whole.`,
      { expected: 'C order', received: 'Fortran order' },
    );
  }
  const file = { ...header, label, bytes, rows, row, rowBytes };
  return new Pipeline({ size: rows, open: () => new RowsCursor(file) });
}

/**
 * The rows of a `.npy` file, which stays on the disk: a megabyte of it is in memory at a time.
 * @throws {@link FormatError} when the file is corrupt or in Fortran order
 */
export const npyRows = async (path: string): Promise<Pipeline<Tensor>> =>
  rowsOf(await fileBytes(path), path, readHeader);

/**
 * The rows of an array in a `.npz` file, unpacked on the way.
 * @param name - of the array, e.g. `x`
 * @throws {@link FormatError} when there is no such array, it is corrupt or in Fortran order
 */
export const npzRows = async (path: string, name: string): Promise<Pipeline<Tensor>> =>
  rowsOf(await memberBytes(path, `${name}.npy`), `${path}/${name}`, readHeader);

/**
 * The rows of an IDX file, the format of the MNIST family, which stays on the disk.
 * @throws {@link FormatError} when the file is corrupt
 */
export const idxRows = async (path: string): Promise<Pipeline<Tensor>> =>
  rowsOf(await fileBytes(path), path, idxHeader);
