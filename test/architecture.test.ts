import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import '../src/index.ts';
import { opTable } from '../src/ir/op.ts';

/** A source file, its path counted from `src`. */
interface Source {
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
}

const root = join(process.cwd(), 'src');
const sources: readonly Source[] = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map((path) => {
    const text = readFileSync(join(root, path), 'utf8');
    return { path: path.replaceAll('\\', '/'), text, lines: text.trimEnd().split('\n') };
  });
const folders = readdirSync(root, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name);

/** `path:line` of every line outside of `except` that the pattern finds. */
const places = (pattern: RegExp, except = /^$/): string[] =>
  sources
    .filter(({ path }) => !except.test(path))
    .flatMap(({ path, lines }) =>
      lines.flatMap((line, i) => (pattern.test(line) ? [`${path}:${i + 1}: ${line.trim()}`] : [])),
    );

describe('sources', () => {
  test('have at most 400 lines', () => {
    const long = sources.filter(({ lines }) => lines.length > 400);
    expect(long.map(({ path, lines }) => `${path}: ${lines.length}`)).toEqual([]);
  });

  test('leave nothing to be done', () => {
    expect(places(/\b(TODO|FIXME|XXX)\b/)).toEqual([]);
  });

  test('know no op by name outside of src/ops: they ask for its traits', () => {
    const names = [...opTable.keys()].join('|');
    expect(places(new RegExp(`(\\bname|kind|op|type)\\)? ?[!=]== '(${names})'`), /^ops\//)).toEqual([]);
    expect(places(new RegExp(`opTable\\.get\\(['"\`]|\\bcase '(${names})':`), /^ops\//)).toEqual([]);
  });

  test.each([
    ['onnxruntime-node', 'backend/ort/js-api.ts'],
    ['koffi', 'backend/ort/runtime.ts'],
  ])('load %s in one file, %s', (module, place) => {
    const imported = new RegExp(
      `^import (?!type ).*from '${module}'|(?<!typeof )import\\('${module}'\\)|require\\('${module}'\\)`,
      'm',
    );
    expect(sources.filter(({ text }) => imported.test(text)).map(({ path }) => path)).toEqual([place]);
  });
});

interface LinterRow {
  readonly includes: readonly string[];
  readonly linter?: {
    readonly rules: {
      readonly style: {
        readonly noRestrictedImports?: {
          readonly options: {
            readonly patterns: readonly { readonly group: readonly string[]; readonly message: string }[];
          };
        };
      };
    };
  };
}

describe('import directions of biome.json', () => {
  const { overrides } = JSON.parse(readFileSync(join(process.cwd(), 'biome.json'), 'utf8')) as {
    readonly overrides: readonly LinterRow[];
  };
  const patternOf = (folder: string) =>
    overrides.find((row) => row.includes.includes(`src/${folder}/**`))?.linter?.rules.style
      .noRestrictedImports?.options.patterns[0];

  // the command line stands above all: nobody imports it, it may import anything
  test.each(folders.filter((folder) => folder !== 'cli'))(
    'src/%s: every folder is allowed or refused',
    (folder) => {
      const { message, group } = patternOf(folder) ?? { message: '', group: [] };
      const allowed = /may import only (.*): see/.exec(message)?.[1]?.split(', ') ?? [];
      for (const other of folders.filter((name) => name !== folder)) {
        const open = allowed.includes(other);
        const partly = allowed.some((name) => name.startsWith(`${other}/`));
        const shut = group.some((glob) => glob.startsWith(`**/${other}/`));
        expect({ other, shut }).toEqual({ other, shut: partly || !open });
      }
    },
  );
});
