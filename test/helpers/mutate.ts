import type { Random } from '../../src/core/random.ts';
import { TfkError } from '../../src/errors.ts';

/** What became of what was changed at random. */
export interface Fuzzed {
  readonly valid: number;
  readonly refused: number;
  /** Each case that came to another end than it should. */
  readonly faults: readonly string[];
}

/** Any JSON. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const pick = <T>(random: Random, list: readonly T[]): T => list[random.integer(list.length)] as T;

function deep(levels: number, asList: boolean): Json {
  let value: Json = 1;
  for (let i = 0; i < levels; i++) value = asList ? [value] : { a: value };
  return value;
}

const nasty: readonly (() => Json)[] = [
  () => null,
  () => true,
  () => 0,
  () => -1,
  () => 0.5,
  () => 3,
  () => 2 ** 40,
  () => 1e308,
  () => -1e308,
  () => 2 ** 31,
  () => 2 ** 53,
  () => '',
  () => 'NaN',
  () => 'Infinity',
  () => '-1',
  () => 'adam',
  () => 'relu',
  () => 'dense',
  () => '__proto__',
  () => 'constructor',
  () => 'x'.repeat(5000),
  () => '../../../../nowhere',
  () => [],
  () => ({}),
  () => [[]],
  () => [null],
  () => [1, -2, 0.5, 'x'],
  () => ({ type: 'dense' }),
  () => ({ type: 'conv2d', filters: -1 }),
  () => ({ type: 5 }),
  () => ({ type: 'bidirectional', layer: { type: 'lstm', units: 2 } }),
  () => deep(50, true),
  () => deep(50, false),
  () => deep(2000, true),
];

/** Every object and list in a JSON value. */
function containers(value: Json): (Json[] | { [key: string]: Json })[] {
  const found: (Json[] | { [key: string]: Json })[] = [];
  for (const open = [value]; open.length > 0; ) {
    const next = open.pop();
    if (typeof next !== 'object' || next === null) continue;
    found.push(next);
    open.push(...Object.values(next));
  }
  return found;
}

/** A JSON value changed in one to three places: keys gone, misspelt or new, other values, other orders. */
export function mutateJson(original: Json, random: Random): Json {
  const value = structuredClone(original);
  for (let times = 1 + random.integer(2); times > 0; times--) {
    const found = containers(value);
    const at = pick(random, found) as Record<string, Json>;
    const keys = Object.keys(at);
    const key = pick(random, keys) ?? 'new';
    const change = random.integer(10);
    if (change < 6) at[key] = pick(random, nasty)();
    else if (change === 6) delete at[key];
    else if (change === 7) at[pick(random, keys) ?? 'other'] = at[key] ?? null;
    else if (change === 8) at[`${key}s`] = at[key] ?? null;
    else if (Array.isArray(at)) at.push(structuredClone(pick(random, at) ?? null));
    else at.__proto = pick(random, nasty)();
  }
  return value;
}

/** Bytes changed in a few places: flipped, overwritten, cut off, cut out, doubled. */
export function mutateBytes(original: Uint8Array, random: Random): Uint8Array {
  let bytes = Buffer.from(original);
  for (let times = 1 + random.integer(4); times > 0; times--) {
    const at = random.integer(Math.max(1, bytes.length));
    // the beginning says what the rest means
    const place = random.uniform() < 0.5 ? at : random.integer(Math.min(64, bytes.length) || 1);
    const length = 1 + random.integer(8);
    const change = random.integer(7);
    if (change === 0) bytes[place] = random.integer(256);
    else if (change === 1) bytes[place] = (bytes[place] ?? 0) ^ (1 << random.integer(8));
    else if (change === 2) bytes.subarray(place, place + length).fill(255);
    else if (change === 3) bytes.subarray(place, place + length).fill(0);
    else if (change === 4) bytes = bytes.subarray(0, at);
    else if (change === 5) bytes = Buffer.concat([bytes.subarray(0, place), bytes.subarray(place + length)]);
    else bytes = Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)]);
  }
  return bytes;
}

/** What is wrong with the way something was refused. */
export function faultOf(error: unknown): string | undefined {
  if (!(error instanceof TfkError))
    return `no TfkError: ${error instanceof Error ? error.stack : String(error)}`;
  if (/internal:|\n\s+at |\[object|undefined/.test(error.message)) return `unclear: ${error.message}`;
  return error.message.length > 20_000 ? `too long: ${error.message.slice(0, 200)}` : undefined;
}
