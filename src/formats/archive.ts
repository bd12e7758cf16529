import { DataError, FormatError, TfkError } from '../errors.ts';
import { version } from '../version.ts';
import { type Assets, readAssets } from './keras-assets.ts';
import { type JsonRecord, toJson } from './keras-json.ts';
import { readZip } from './zip.ts';

const members = { metadata: 'metadata.json', config: 'config.json', weights: 'model.weights.h5' } as const;
/** The version of Keras whose form is written. */
export const kerasVersion = '3.15.1';
/** Largest `config.json` that is read. */
const configBytes = 2 ** 26;

/** What a `.keras` file holds. */
export interface Archive {
  readonly config: unknown;
  readonly weights: Uint8Array;
  readonly assets: Assets;
}

/** Members of a `.keras` file. @param assets - further members, for {@link assetMembers} */
export function archiveMembers(
  config: JsonRecord,
  weights: Uint8Array,
  assets: readonly [name: string, bytes: Uint8Array][],
): [name: string, bytes: Uint8Array][] {
  const saved = new Date().toISOString().slice(0, 19).replace('T', '@');
  const metadata = { keras_version: kerasVersion, date_saved: saved, saved_by: `tfk ${version}` };
  return [
    [members.metadata, Buffer.from(toJson(metadata))],
    [members.config, Buffer.from(toJson(config))],
    [members.weights, weights],
    ...assets,
  ];
}

/** @throws {@link FormatError} when the file is corrupt, {@link DataError} when it cannot be read */
export async function readArchive(path: string): Promise<Archive> {
  const zip = await readZip(path);
  try {
    return {
      config: parseJson(await zip.read(members.config, { maxBytes: configBytes }), path),
      weights: await zip.read(members.weights),
      assets: await readAssets(zip),
    };
  } finally {
    zip.close();
  }
}

/** Whatever goes wrong while a file is read is the file's fault, unless it cannot be read at all. */
export function asFormatError(error: unknown, path: string): unknown {
  if (error instanceof FormatError || error instanceof DataError) return error;
  // no JSON; nested too deeply, or sizes beyond what an array can hold
  const isReason = [SyntaxError, RangeError, TfkError].some((type) => error instanceof type);
  const reason = isReason ? (error as Error).message : undefined;
  return reason === undefined ? error : new FormatError(`${path}: ${reason}`, { op: 'keras', cause: error });
}

function parseJson(bytes: Uint8Array, file: string): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new FormatError(`${file}: config.json is not valid JSON: ${String(error)}.`, {
      op: 'keras',
      cause: error,
    });
  }
}
