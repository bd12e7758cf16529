import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { blocksOf, compilePrograms, guidePages, programOf, read, root } from './snippets.ts';

const texts = new Map<string, string>();
for (const page of await guidePages()) texts.set(page, await read(`docs/guide/${page}.md`));
const folder = await compilePrograms(new Map([...texts].map(([page, text]) => [page, programOf(text)])));

describe('the guide', () => {
  beforeAll(() => {
    process.chdir(folder);
    jest.spyOn(console, 'log').mockReturnValue();
  });

  afterAll(async () => {
    process.chdir(root);
    await rm(folder, { recursive: true });
  });

  test.each([...texts.keys()])('%s runs and prints what it says', async (page) => {
    await import(join(folder, `${page}.js`));
  });

  test.each([...texts])('%s: its JSON is well formed, its links lead somewhere', (_page, text) => {
    for (const { language, code } of blocksOf(text)) {
      if (language === 'json') expect(() => JSON.parse(code)).not.toThrow();
    }
    for (const [, target = ''] of text.matchAll(/\]\(([\w-]+)\.md\)/g))
      expect([...texts.keys()]).toContain(target);
  });
});
