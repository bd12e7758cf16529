import { readdir } from 'node:fs/promises';
import { describe, expect, test } from '@jest/globals';
import { blocksOf, read } from './snippets.ts';

const readme = await read('README.md');
const only = (language: string): string => {
  const found = blocksOf(readme).filter((block) => block.language === language);
  expect(found).toHaveLength(1);
  return found[0]?.code ?? '';
};

describe('README.md', () => {
  test('shows examples/quickstart.ts', async () => {
    expect(only('ts')).toBe(await read('examples/quickstart.ts'));
  });

  test('shows examples/mnist/train.json', async () => {
    expect(JSON.parse(only('json'))).toEqual(JSON.parse(await read('examples/mnist/train.json')));
  });

  test('asks for scripts that are there', async () => {
    const { scripts } = JSON.parse(await read('package.json')) as { scripts: Record<string, string> };
    for (const [, name = ''] of readme.matchAll(/npm run ([\w:]+)/g))
      expect(Object.keys(scripts)).toContain(name);
  });
});

describe('links', () => {
  test.each(['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md'])(
    'of %s lead to files',
    async (file) => {
      const targets = [...(await read(file)).matchAll(/\]\(([\w./-]+\.md)\)/g)].map(
        ([, target = '']) => target,
      );
      for (const target of targets) await expect(read(target)).resolves.toMatch(/^# /);
    },
  );
});

describe('ARCHITECTURE.md', () => {
  interface Biome {
    readonly overrides: readonly {
      readonly linter: { readonly rules: { readonly style: Readonly<Record<string, unknown>> } };
    }[];
  }

  test('has the import table that the linter enforces', async () => {
    const text = await read('ARCHITECTURE.md');
    const table = new Map(
      [...text.matchAll(/^\| `([a-z]+)` +\|[^|]*\|([^|]*)\|$/gm)].map(([, folder, allowed]) => [
        folder,
        allowed,
      ]),
    );
    const { overrides } = JSON.parse(await read('biome.json')) as Biome;
    const rules = overrides.map((o) => JSON.stringify(o.linter.rules.style.noRestrictedImports ?? ''));
    const enforced = rules.flatMap((rule) => {
      const [, folder, allowed] = /src\/([a-z]+) may import only ([^:]*):/.exec(rule) ?? [];
      return folder === undefined ? [] : [[folder, allowed] as const];
    });
    const others = (folder: string, list = ''): string[] =>
      list
        .split(',')
        .map((name) => name.trim())
        .filter((name) => name !== folder)
        .sort();
    expect(enforced.length).toBeGreaterThan(8);
    for (const [folder, allowed] of enforced) {
      expect([folder, others(folder, table.get(folder))]).toEqual([folder, others(folder, allowed)]);
    }
    const folders = (await readdir('src', { withFileTypes: true })).filter((entry) => entry.isDirectory());
    expect(folders.map((entry) => entry.name).filter((name) => !table.has(name))).toEqual([]);
  });
});
