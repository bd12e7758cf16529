import * as z from 'zod';
import { fingerprint64 } from './farmhash.ts';
import { sipHash64 } from './siphash.ts';

/** A number, or two: the key of a hash that only who knows it can foresee. */
export const saltOption = z
  .union([z.int(), z.tuple([z.int(), z.int()])])
  .transform((salt): [number, number] => (typeof salt === 'number' ? [salt, salt] : salt))
  .nullable()
  .default(null);

/** Element type of bins; by default `int64` for their numbers (mode `int`) and `float32` for what encodes them. */
export const binDtypeOption = z.enum(['int32', 'int64', 'float32']).optional();

export const binDtype = (options: {
  readonly dtype?: z.output<typeof binDtypeOption>;
  readonly outputMode: string;
}): 'int32' | 'int64' | 'float32' => options.dtype ?? (options.outputMode === 'int' ? 'int64' : 'float32');

const encoder = new TextEncoder();

/** FarmHash's fingerprint of a text in UTF-8. */
export const fingerprintOf = (text: string): bigint => fingerprint64(encoder.encode(text));

/**
 * The bucket of a text: FarmHash's fingerprint, or with a salt SipHash, modulo the number of buckets. The same as
 * TensorFlow's `to_hash_bucket_fast` and `to_hash_bucket_strong`.
 */
export function bucketOf(text: string, buckets: number, salt: readonly [number, number] | null): number {
  const hash =
    salt === null ? fingerprintOf(text) : sipHash64([BigInt(salt[0]), BigInt(salt[1])], encoder.encode(text));
  return Number(hash % BigInt(buckets));
}
