import { Zip, ZipDeflate, ZipPassThrough } from 'fflate';
import { validateFileName } from 'yauzl';
import { ConfigError, DataError } from '../errors.ts';

/** Offsets of a zip file without the 64-bit extension. */
const archiveBytes = 2 ** 32 - 1;

/**
 * The bytes of a zip file, member by member, so that a large archive is never in memory twice.
 * Members are stored as they are unless `compress` is set; equal members give equal bytes.
 * @throws {@link ConfigError} when a name is unsafe or given twice
 * @throws {@link DataError} beyond 4 GiB
 */
export function* zipChunks(
  members: Iterable<readonly [name: string, bytes: Uint8Array]>,
  { compress = false }: { readonly compress?: boolean } = {},
): Generator<Uint8Array> {
  let pending: Uint8Array[] = [];
  let total = 0;
  const zip = new Zip((error, chunk) => {
    if (error) throw error;
    total += chunk.length;
    pending.push(chunk);
  });
  const names = new Set<string>();
  for (const [name, bytes] of members) {
    const fault = names.has(name) ? 'it is given twice' : validateFileName(name);
    if (fault) throw new ConfigError(`zip: member name "${name}" cannot be written: ${fault}.`);
    names.add(name);
    const member = compress ? new ZipDeflate(name) : new ZipPassThrough(name);
    member.mtime = new Date(1980, 0, 1);
    zip.add(member);
    member.push(bytes, true);
    if (total > archiveBytes) {
      throw new DataError(`zip: the archive exceeds 4 GiB at member "${name}". Split it.`);
    }
    yield* pending;
    pending = [];
  }
  zip.end();
  yield* pending;
}

/** The bytes of a zip file; see {@link zipChunks}. */
export function writeZip(
  members: Iterable<readonly [name: string, bytes: Uint8Array]>,
  options: { readonly compress?: boolean } = {},
): Uint8Array {
  return Buffer.concat([...zipChunks(members, options)]);
}
