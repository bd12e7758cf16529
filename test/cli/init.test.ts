import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { encodePng } from '../../src/formats/png.ts';
import { withFiles } from '../data/files.ts';
import { callTfk } from './run-tfk.ts';

/** Pictures of two classes, red and blue. */
const pictures = Object.fromEntries(
  await Promise.all(
    ['red', 'blue'].flatMap((name, c) =>
      Array.from({ length: 12 }, async (_, i) => {
        const pixels = Uint8Array.from({ length: 8 * 8 * 3 }, (_, p) => (p % 3 === 2 * c ? 200 + i : i));
        const picture = { width: 8, height: 8, channels: 3, pixels };
        return [`photos/${name}/${i}.png`, await encodePng(picture)] as const;
      }),
    ),
  ),
);
const rows = Array.from({ length: 40 }, (_, i) => i);
const mails = ['body,label', ...rows.map((i) => (i % 2 ? '"nice, good film",yes' : 'bad dull mess,no'))];
const houses = [
  'rooms,town,price',
  ...rows.map((i) => `${i % 5},${i % 2 ? 'A' : 'B'},${(i % 5) * 1.5 + (i % 2)}`),
];
const flowers = [
  'size,colour,kind',
  ...rows.map((i) => `${i % 2 ? 9 : 1}.${i},${i % 3 ? 'red' : 'white'},${i % 2 ? 'rose' : 'lily'}`),
];

/** What was written trains at once, for one epoch, in its own folder. */
async function trains(folder: string, ...args: readonly string[]) {
  const project = join(folder, 'project');
  const made = await callTfk('init', project, ...args);
  expect({ code: made.code, stderr: made.stderr }).toEqual({ code: 0, stderr: '' });
  const config = join(project, 'train.json');
  const run = join(folder, 'run');
  const trained = await callTfk(
    'train',
    config,
    '--epochs',
    '1',
    '--output',
    run,
    '--json',
    '--set',
    'data.train.limit=200',
  );
  expect({ code: trained.code, stderr: trained.stderr }).toEqual({ code: 0, stderr: '' });
  return { run, config: JSON.parse(await readFile(config, 'utf8')), figures: JSON.parse(trained.stdout) };
}

describe('tfk init', () => {
  test('digits', () =>
    withFiles({}, async (folder) => {
      const { config, figures } = await trains(folder, '--kind', 'digits');
      expect(config.data.train).toEqual({ dataset: 'mnist', split: 'train' });
      expect(figures.test.accuracy).toBeGreaterThan(0);
      const readme = await readFile(join(folder, 'project', 'README.md'), 'utf8');
      expect(readme).toContain('tfk train train.json');
      expect(await callTfk('init', join(folder, 'project'), '--kind', 'digits')).toMatchObject({ code: 4 });
      expect((await callTfk('init', join(folder, 'project'), '--kind', 'digits', '--force')).code).toBe(0);
    }));

  test('images; the run then takes pictures', () =>
    withFiles(pictures, async (folder) => {
      const { run, config } = await trains(folder, '--kind', 'images', '--data', join(folder, 'photos'));
      expect(config.data.train.images).toBe(join('..', 'photos'));
      const input = join(folder, 'photos', 'red', '0.png');
      const { stdout } = await callTfk('predict', run, '--input', input, '--classes');
      expect(stdout).toMatch(/^(red|blue)\n$/);
    }));

  test('text; the run then takes texts', () =>
    withFiles({ 'mails.csv': mails.join('\n') }, async (folder) => {
      const data = join(folder, 'mails.csv');
      const { run } = await trains(
        folder,
        '--kind',
        'text',
        '--data',
        data,
        '--text',
        'body',
        '--target',
        'label',
      );
      const { stdout } = await callTfk('predict', run, '--input', data, '--classes');
      expect(stdout.trim().split('\n')).toHaveLength(40);
      expect(stdout).toMatch(/^((yes|no)\n)+$/);
    }));

  test.each([
    ['of classes', flowers, 'kind', 'softmax', 2],
    ['of numbers', houses, 'price', undefined, 1],
  ] as const)('a table %s', (_, lines, target, activation, units) =>
    withFiles({ 'table.csv': lines.join('\n') }, async (folder) => {
      const data = join(folder, 'table.csv');
      const { config, figures } = await trains(folder, '--kind', 'table', '--data', data, '--target', target);
      expect(config.model.layers.at(-1)).toEqual({
        type: 'dense',
        units,
        ...(activation && { activation }),
      });
      expect(Number.isFinite(figures.validation.loss)).toBe(true);
    }),
  );

  test('without a terminal it says what is missing', async () => {
    expect(await callTfk('init')).toMatchObject({ code: 2, stderr: expect.stringContaining('--kind') });
    const table = await callTfk('init', 'nowhere', '--kind', 'table', '--data', 'x.csv');
    expect(table).toMatchObject({ code: 2, stderr: expect.stringContaining('--target') });
  });

  test('a column or folders that are not there are told', () =>
    withFiles({ 'table.csv': houses.join('\n') }, async (folder) => {
      const data = join(folder, 'table.csv');
      const wrong = await callTfk(
        'init',
        join(folder, 'p'),
        '--kind',
        'table',
        '--data',
        data,
        '--target',
        'cost',
      );
      expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('rooms, town, price') });
      const empty = await callTfk('init', join(folder, 'p'), '--kind', 'images', '--data', folder);
      expect(empty).toMatchObject({ code: 3, stderr: expect.stringContaining('folder for each class') });
    }));
});
