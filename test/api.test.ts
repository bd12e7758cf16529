import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import * as tfk from '../src/index.ts';

const isNamespace = (value: unknown): value is Readonly<Record<string, unknown>> =>
  value === tfk.ops || Object.prototype.toString.call(value) === '[object Module]';

/** Names that a namespace exports, those of the namespaces in it as `outer.inner`. */
const namesOf = (namespace: Readonly<Record<string, unknown>>, prefix = ''): string[] =>
  Object.entries(namespace).flatMap(([name, value]) =>
    isNamespace(value) ? namesOf(value, `${prefix}${name}.`) : [`${prefix}${name}`],
  );

// A name that goes or comes is a change of the public surface: it belongs into the changelog as well.
test('the public names are those of test/golden/api.txt', () => {
  const recorded = readFileSync(join(process.cwd(), 'test/golden/api.txt'), 'utf8').trimEnd().split('\n');
  expect(namesOf(tfk).sort()).toEqual(recorded);
});
