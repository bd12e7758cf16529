import { expect, jest, test } from '@jest/globals';
import { run } from '../../src/cli/program.ts';
import { applications } from '../../src/index.ts';
import { readGolden } from '../helpers/golden.ts';

async function printed(...args: string[]): Promise<string> {
  const log = jest.spyOn(console, 'log').mockImplementation(() => {});
  try {
    await run(['models', ...args]);
    return log.mock.calls.flat().join('\n');
  } finally {
    log.mockRestore();
  }
}

interface Structure {
  readonly model: string;
  readonly options: object;
  readonly params: number;
}

test('every application is listed, with the parameters that Keras counts', async () => {
  const { structures } = readGolden<{ structures: readonly Structure[] }>('applications.json');
  const plain = structures.filter(({ options }) => Object.keys(options).length === 0);
  const expected = plain.map(({ model, params }) => [model.toLowerCase(), params]);
  const listed: { name: string; parameters: number; input: number[] }[] = JSON.parse(await printed('--json'));
  expect(listed.map(({ name, parameters }) => [name.toLowerCase(), parameters])).toEqual(expected);
  const functions = Object.entries(applications).filter(
    ([, made]) => typeof made === 'function' && 'preprocessInput' in made,
  );
  expect(listed.map(({ name }) => name).sort()).toEqual(functions.map(([name]) => name).sort());
  expect(listed.find(({ name }) => name === 'nasNetLarge')?.input).toEqual([331, 331, 3]);
});

test('as a table', async () => {
  expect(await printed()).toMatch(/mobileNetV2 +3\.54 M +224 x 224 x 3 +13\.50 MB/);
});
