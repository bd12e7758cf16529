import { createReadStream } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import * as z from 'zod';
import { DataError } from '../errors.ts';
import { writeFileAtomic } from '../formats/atomic.ts';

const isUrl = (from: string): boolean => /^https?:\/\//.test(from);

/** A path, or a path or URL with what its content must hash to. */
export const weightsOption = z.union(
  [
    z
      .string()
      .min(1)
      .refine((from) => !isUrl(from))
      .transform((from) => ({ from, checksum: null, cacheFolder: null })),
    z
      .strictObject({
        /** Path or URL of a file that `model.loadWeights` reads. */
        from: z.string().min(1),
        /** MD5 (32 hexadecimal digits) or SHA-256 (64) of the file. */
        checksum: z
          .string()
          .regex(/^([0-9a-f]{32}|[0-9a-f]{64})$/i)
          .nullable()
          .default(null),
        /** Where downloaded files are kept; by default `.cache/tfk` in the home folder. */
        cacheFolder: z.string().min(1).nullable().default(null),
      })
      .refine(({ from, checksum }) => !isUrl(from) || checksum !== null, 'a URL needs a checksum'),
  ],
  {
    error:
      'expected a path, or { from, checksum, cacheFolder } where checksum is 32 (MD5) or 64 (SHA-256) hexadecimal digits; ' +
      'a URL needs a checksum',
  },
);

type WeightsSource = z.output<typeof weightsOption>;

/**
 * Path of the file with the weights, downloaded at its first use.
 * @throws {@link DataError} when it cannot be had, or is another file than the checksum says
 */
export async function fileOf({ from, checksum, cacheFolder }: WeightsSource): Promise<string> {
  if (!isUrl(from)) {
    if (checksum !== null) await verify(from, checksum);
    return from;
  }
  const folder = cacheFolder ?? join(homedir(), '.cache', 'tfk');
  const expected = checksum as string;
  const path = join(folder, `${expected.slice(0, 8)}-${basename(new URL(from).pathname)}`);
  const isThere = await stat(path).then(
    () => true,
    () => false,
  );
  if (isThere) {
    await verify(path, expected);
    return path;
  }
  await mkdir(folder, { recursive: true });
  await writeFileAtomic(path, verified(download(from), expected, from));
  return path;
}

/** The bytes as they come; an error after the last one if they are not those expected. */
async function* verified(
  chunks: AsyncIterable<Uint8Array>,
  checksum: string,
  source: string,
): AsyncGenerator<Uint8Array> {
  const { createHash } = await import('node:crypto');
  const hash = createHash(checksum.length === 32 ? 'md5' : 'sha256');
  for await (const chunk of chunks) {
    hash.update(chunk);
    yield chunk;
  }
  const digest = hash.digest('hex');
  if (digest === checksum.toLowerCase()) return;
  throw new DataError(`${source}: expected a file with checksum ${checksum}. Received one with ${digest}.`, {
    op: 'weights',
    expected: checksum,
    received: digest,
  });
}

async function verify(path: string, checksum: string): Promise<void> {
  for await (const _ of verified(createReadStream(path), checksum, path));
}

async function* download(url: string): AsyncGenerator<Uint8Array> {
  const failed = (why: string, cause?: unknown) =>
    new DataError(`${url}: expected a file to download. ${why}. Download it yourself and give its path.`, {
      op: 'weights',
      received: why,
      cause,
    });
  const response = await fetch(url).catch((error: unknown) => {
    throw failed(`The request failed: ${String(error)}`, error);
  });
  if (!response.ok || response.body === null) throw failed(`Received status ${response.status}`);
  yield* response.body as AsyncIterable<Uint8Array>;
}
