import { readFile } from 'node:fs/promises';
import { describe, expect, test } from '@jest/globals';
import { configJsonSchema } from '../../src/config/json-schema.ts';
import { kinds } from '../../src/config/kinds.ts';
import '../../src/index.ts'; // all that can be named

describe('schema.json', () => {
  test('is up to date', async () => {
    // npm run schema writes it anew
    expect(JSON.parse(await readFile('schema.json', 'utf8'))).toEqual(configJsonSchema());
  });

  test('refers to definitions that are there', () => {
    const { $defs = {}, ...rest } = configJsonSchema();
    const referred = [...JSON.stringify({ $defs, ...rest }).matchAll(/"#\/\$defs\/(\w+)"/g)].map(
      ([, name]) => name,
    );
    expect(Object.keys($defs)).toEqual(expect.arrayContaining([...new Set(referred)]));
  });

  test('has every class of every kind', () => {
    const text = JSON.stringify(configJsonSchema());
    for (const kind of kinds.values()) for (const name of kind.names()) expect(text).toContain(`"${name}"`);
  });
});
