/** The 64-bit fingerprint by which TensorFlow puts texts into buckets: the same number on every machine, for ever. */

const k0 = 0xc3a5c85c97cb3127n;
const k1 = 0xb492b66fbe98f273n;
const k2 = 0x9ae16a3b2f90404fn;
/** Multiplier of Murmur's 64-bit mixing. */
const murmur = 0xc6a4a7935bd1e995n;

const wrap = (value: bigint): bigint => BigInt.asUintN(64, value);
const rotate = (value: bigint, by: bigint): bigint => wrap((value >> by) | (value << (64n - by)));
const shiftMix = (value: bigint): bigint => value ^ (value >> 47n);

/** Murmur-like mixing of two words. */
function mix(u: bigint, v: bigint, factor: bigint): bigint {
  const a = shiftMix(wrap((u ^ v) * factor));
  return wrap(shiftMix(wrap((v ^ a) * factor)) * factor);
}

type Words = (offset: number) => bigint;

/**
 * FarmHash's `Fingerprint64` of some bytes, an unsigned number of 64 bits.
 * @source Google FarmHash, `farmhashna::Hash64`; TensorFlow's `to_hash_bucket_fast`
 */
export function fingerprint64(bytes: Uint8Array): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const at: Words = (offset) => view.getBigUint64(offset, true);
  const { length } = bytes;
  if (length > 64) return hashLong(at, length);
  if (length > 32) return hash33to64(at, length);
  if (length > 16) return hash17to32(at, length);
  return hash0to16(view, at, length);
}

function hash0to16(view: DataView, at: Words, length: number): bigint {
  const size = BigInt(length);
  const factor = wrap(k2 + size * 2n);
  if (length >= 8) {
    const a = at(0) + k2;
    const b = at(length - 8);
    const c = rotate(b, 37n) * factor + a;
    const d = (rotate(wrap(a), 25n) + b) * factor;
    return mix(wrap(c), wrap(d), factor);
  }
  if (length >= 4) {
    const first = BigInt(view.getUint32(0, true));
    return mix(size + (first << 3n), BigInt(view.getUint32(length - 4, true)), factor);
  }
  if (length === 0) return k2;
  const byte = (offset: number): bigint => BigInt(view.getUint8(offset));
  const y = byte(0) + (byte(length >> 1) << 8n);
  const z = size + (byte(length - 1) << 2n);
  return wrap(shiftMix(wrap((y * k2) ^ (z * k0))) * k2);
}

function hash17to32(at: Words, length: number): bigint {
  const factor = wrap(k2 + BigInt(length) * 2n);
  const a = at(0) * k1;
  const b = at(8);
  const c = wrap(at(length - 8) * factor);
  const d = at(length - 16) * k2;
  const left = rotate(wrap(a + b), 43n) + rotate(c, 30n) + d;
  return mix(wrap(left), wrap(a + rotate(wrap(b + k2), 18n) + c), factor);
}

function hash33to64(at: Words, length: number): bigint {
  const factor = wrap(k2 + BigInt(length) * 2n);
  const a = at(0) * k2;
  const b = at(8);
  const c = wrap(at(length - 8) * factor);
  const d = at(length - 16) * k2;
  const y = wrap(rotate(wrap(a + b), 43n) + rotate(c, 30n) + d);
  const z = mix(y, wrap(a + rotate(wrap(b + k2), 18n) + c), factor);
  const e = wrap(at(16) * factor);
  const f = at(24);
  const g = wrap((y + at(length - 32)) * factor);
  const h = wrap((z + at(length - 24)) * factor);
  const left = rotate(wrap(e + f), 43n) + rotate(g, 30n) + h;
  return mix(wrap(left), wrap(e + rotate(wrap(f + a), 18n) + g), factor);
}

/** Two words of 32 bytes and two seeds. */
function weakHash32(at: Words, offset: number, seedA: bigint, seedB: bigint): [bigint, bigint] {
  const [w, x, y, z] = [at(offset), at(offset + 8), at(offset + 16), at(offset + 24)];
  const a = wrap(seedA + w);
  const b = rotate(wrap(seedB + a + z), 21n);
  const sum = wrap(a + x + y);
  return [wrap(sum + z), wrap(b + rotate(sum, 44n) + a)];
}

function hashLong(at: Words, length: number): bigint {
  const seed = 81n;
  let x = wrap(seed * k2 + at(0));
  let y = wrap(seed * k1 + 113n);
  let z = wrap(shiftMix(wrap(y * k2 + 113n)) * k2);
  let v: [bigint, bigint] = [0n, 0n];
  let w: [bigint, bigint] = [0n, 0n];
  /** One block of 64 bytes; the last one weighs its seeds by 9. */
  const block = (offset: number, factor: bigint, weight: bigint): void => {
    x = wrap(rotate(wrap(x + y + v[0] + at(offset + 8)), 37n) * factor);
    y = wrap(rotate(wrap(y + v[1] + at(offset + 48)), 42n) * factor);
    x ^= wrap(w[1] * weight);
    y = wrap(y + v[0] * weight + at(offset + 40));
    z = wrap(rotate(wrap(z + w[0]), 33n) * factor);
    v = weakHash32(at, offset, wrap(v[1] * factor), wrap(x + w[0]));
    w = weakHash32(at, offset + 32, wrap(z + w[1]), wrap(y + at(offset + 16)));
    [z, x] = [x, z];
  };
  for (let offset = 0; offset + 64 < length; offset += 64) block(offset, k1, 1n);
  const factor = wrap(k1 + ((z & 0xffn) << 1n));
  w[0] = wrap(w[0] + BigInt((length - 1) & 63));
  v[0] = wrap(v[0] + w[0]);
  w[0] = wrap(w[0] + v[0]);
  block(length - 64, factor, 9n);
  const left = wrap(mix(v[0], w[0], factor) + shiftMix(y) * k0 + z);
  return mix(left, wrap(mix(v[1], w[1], factor) + x), factor);
}

/**
 * The fingerprint of two fingerprints, in their order.
 * @source TensorFlow, `FingerprintCat64` of core/platform/fingerprint.h
 */
export function concatFingerprints(first: bigint, second: bigint): bigint {
  const start = first ^ murmur ^ wrap(shiftMix(wrap(second * murmur)) * murmur);
  return shiftMix(wrap(shiftMix(wrap(start * murmur)) * murmur));
}
