import type { Layer } from '../layers/layer.ts';
import { keepsState } from '../layers/layer-state.ts';
import type { Hdf5Reader } from './hdf5.ts';
import { namedVariables, weightGroups } from './keras-weights.ts';
import type { ZipReader } from './zip.ts';

/** Texts of the archive by member name. */
export type Assets = ReadonlyMap<string, string>;

const folder = 'assets';
/** Most bytes of texts that are read. */
const assetBytes = 2 ** 28;

/** Texts that layers remember, as members of the archive. */
export const assetMembers = (root: Layer): [name: string, bytes: Uint8Array][] =>
  weightGroups(root).flatMap(({ layer, path }) =>
    Object.entries((keepsState(layer) && layer.fileState.texts) || {}).map(
      ([name, text]): [string, Uint8Array] => [`${folder}/${path}/${name}`, Buffer.from(text)],
    ),
  );

/** The texts of an archive. @throws {@link FormatError} when they are too large */
export async function readAssets(zip: ZipReader): Promise<Assets> {
  const assets = new Map<string, string>();
  let left = assetBytes;
  for (const name of zip.names.filter((member) => member.startsWith(`${folder}/`))) {
    const bytes = await zip.read(name, { maxBytes: left });
    left -= bytes.length;
    assets.set(name, new TextDecoder().decode(bytes));
  }
  return assets;
}

/**
 * Gives layers back what they remember beside options and weights.
 * @throws {@link TfkError} when it does not fit
 */
export function restoreStates(root: Layer, file: Hdf5Reader, assets: Assets): void {
  for (const { layer, path } of weightGroups(root)) {
    if (!keepsState(layer)) continue;
    const prefix = `${folder}/${path}/`;
    const own = [...assets].filter(([name]) => name.startsWith(prefix) && !name.includes('/', prefix.length));
    const texts = Object.fromEntries(own.map(([name, text]) => [name.slice(prefix.length), text]));
    layer.restoreFileState({ texts, tensors: namedVariables(file, path) });
  }
}
