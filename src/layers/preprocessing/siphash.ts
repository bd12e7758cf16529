/** A key of two unsigned numbers of 64 bits. */
export type SipKey = readonly [bigint, bigint];

const wrap = (value: bigint): bigint => BigInt.asUintN(64, value);
const rotate = (value: bigint, by: bigint): bigint => wrap((value << by) | (value >> (64n - by)));

/**
 * SipHash-2-4 of some bytes under a key: who does not know the key cannot find texts that fall together.
 * @source Aumasson & Bernstein, "SipHash: a fast short-input PRF", 2012; TensorFlow's `to_hash_bucket_strong`
 */
export function sipHash64([k0, k1]: SipKey, bytes: Uint8Array): bigint {
  let v0 = wrap(k0) ^ 0x736f6d6570736575n;
  let v1 = wrap(k1) ^ 0x646f72616e646f6dn;
  let v2 = wrap(k0) ^ 0x6c7967656e657261n;
  let v3 = wrap(k1) ^ 0x7465646279746573n;
  const round = (): void => {
    v0 = wrap(v0 + v1);
    v1 = rotate(v1, 13n) ^ v0;
    v0 = rotate(v0, 32n);
    v2 = wrap(v2 + v3);
    v3 = rotate(v3, 16n) ^ v2;
    v0 = wrap(v0 + v3);
    v3 = rotate(v3, 21n) ^ v0;
    v2 = wrap(v2 + v1);
    v1 = rotate(v1, 17n) ^ v2;
    v2 = rotate(v2, 32n);
  };
  const absorb = (word: bigint): void => {
    v3 ^= word;
    round();
    round();
    v0 ^= word;
  };
  // the last word holds what is left over, and the length in its top byte
  const padded = new Uint8Array((bytes.length >> 3) * 8 + 8);
  padded.set(bytes);
  padded[padded.length - 1] = bytes.length;
  const words = new DataView(padded.buffer);
  for (let offset = 0; offset < padded.length; offset += 8) absorb(words.getBigUint64(offset, true));
  v2 ^= 0xffn;
  for (let i = 0; i < 4; i++) round();
  return v0 ^ v1 ^ v2 ^ v3;
}
