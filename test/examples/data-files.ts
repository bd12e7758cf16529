import { existsSync } from 'node:fs';
import { test } from '@jest/globals';

/** A file of a data package of npm. */
export const inPackage = (path: string): readonly string[] =>
  [process.env.TFK_PACKAGES, 'node_modules'].map((folder) => `${folder}/${path}`);

/** A test of files of data; it says so when it is skipped. */
export function testWith(candidates: readonly string[]): { file: string; testIt: typeof test.skip } {
  const file = candidates.find((path) => existsSync(path));
  if (file === undefined) console.warn(`${candidates.join(' or ')} is not there: its example is not tested.`);
  return { file: file ?? '', testIt: file === undefined ? test.skip : test };
}
