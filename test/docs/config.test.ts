import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { exitCodes } from '../../src/cli/exit.ts';
import { commands } from '../../src/cli/program.ts';
import { readConfig } from '../../src/config/read.ts';
import { runFiles } from '../../src/config/run-folder.ts';
import { ConfigError } from '../../src/errors.ts';
import { blocksOf, guidePages, read } from './snippets.ts';

const page = await read('docs/guide/config-file.md');
const pages = ['README', ...(await guidePages()).map((name) => `docs/guide/${name}`)];
const [whole = {}, ...fragments] = blocksOf(page)
  .filter((block) => block.language === 'json')
  .map((block): Readonly<Record<string, unknown>> => JSON.parse(block.code));

describe('docs/guide/config-file.md', () => {
  let folder = '';
  const check = async (config: unknown) => {
    const path = join(folder, 'config.json');
    await writeFile(path, JSON.stringify(config));
    return readConfig(path);
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tfk-docs-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  test('shows a config that is right', async () => {
    await expect(check(whole)).resolves.toHaveProperty('seed', 7);
  });

  test.each(fragments.map((part) => [Object.keys(part).join(', '), part] as const))(
    'shows %s that are right',
    async (_keys, part) => {
      await expect(check({ ...whole, ...part })).resolves.toBeDefined();
    },
  );

  test('quotes the message about a wrong key', async () => {
    const [message] = blocksOf(page).filter((block) => block.language === 'text');
    const wrong = { ...whole, compile: { loss: 'mse', optimizer: { type: 'adam', learningrate: 1 } } };
    const error = await check(wrong).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).message).toContain(message?.code.trim());
  });

  test('lists the files of a run and the exit codes', () => {
    for (const file of Object.values(runFiles)) expect(page).toContain(`\`${file}\``);
    const listed = [...page.matchAll(/^\| (\d+) /gm)].map(([, code]) => Number(code));
    expect(listed).toEqual(Object.values(exitCodes));
  });
});

describe('the commands shown', () => {
  test.each(pages)('in %s exist', async (file) => {
    const shells = blocksOf(await read(`${file}.md`)).filter((block) => block.language === 'sh');
    for (const [, name = '', rest = ''] of shells.flatMap(({ code }) => [
      ...code.matchAll(/npx tfk (\w+)(.*)/g),
    ])) {
      const entry = commands.find((command) => command.name === name);
      expect(entry?.name).toBe(name);
      const options = ['--help', ...((await entry?.load())?.options ?? []).map((option) => option.long)];
      for (const [option] of rest.matchAll(/--[\w-]+/g)) expect(options).toContain(option);
    }
  });
});
