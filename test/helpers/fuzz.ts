/** Files with mistakes in them, for the readers to refuse. */
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { expect } from '@jest/globals';
import { Random } from '../../src/core/random.ts';
import * as tfk from '../../src/index.ts';
import { mutateBytes } from './mutate.ts';

/** Either it is read, or refused with an error of ours; anything else is a fault. */
export async function outcome(read: () => Promise<unknown>): Promise<string> {
  try {
    await read();
    return 'read';
  } catch (error) {
    if (error instanceof tfk.TfkError && !(error instanceof tfk.InternalError)) return 'refused';
    return error instanceof Error ? `${error.name}: ${error.message}\n${error.stack}` : String(error);
  }
}

/** Reads `count` mutations of a file in its place: each is read or refused, in good time, and not a few are refused. */
export async function fuzz(
  path: string,
  count: number,
  read: (path: string) => Promise<unknown>,
): Promise<void> {
  const bytes = readFileSync(path);
  const random = new Random(7);
  const seen = new Map<string, number>();
  for (let i = 0; i < count; i++) {
    await writeFile(path, mutateBytes(bytes, random));
    const begun = performance.now();
    const result = await outcome(() => read(path));
    expect(performance.now() - begun).toBeLessThan(30_000);
    seen.set(result, (seen.get(result) ?? 0) + 1);
  }
  await writeFile(path, bytes);
  expect([...seen.keys()].filter((result) => result !== 'read' && result !== 'refused')).toEqual([]);
  expect(seen.get('refused')).toBeGreaterThan(count / 10);
}
