import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** A fenced block of a Markdown file. */
export interface Block {
  readonly language: string;
  readonly code: string;
  /** Line of the first line of code, from 0. */
  readonly line: number;
}

/** The project's folder; jest runs there. */
export const root = process.cwd();
const build = fileURLToPath(new URL('../../', import.meta.url));
const require = createRequire(import.meta.url);

/** The fenced blocks of a Markdown text, in order. */
export function blocksOf(markdown: string): Block[] {
  const fence = /^```(\w*)\n(.*?)^```$/gms;
  return [...markdown.matchAll(fence)].map(({ 1: language = '', 2: code = '', index }) => ({
    language,
    code,
    line: markdown.slice(0, index).split('\n').length,
  }));
}

/** Names of the pages of the guide. */
export const guidePages = async (): Promise<string[]> =>
  (await readdir(join(root, 'docs/guide'))).map((file) => file.replace(/\.md$/, '')).sort();

/** The text of a file of the project. */
export const read = (path: string): Promise<string> => readFile(join(root, path), 'utf8');

/**
 * The program of a page: its `ts` blocks in order, each line where it stands in the page. What a line
 * `console.log(...); // text` prints must be that text.
 */
export function programOf(markdown: string): string {
  const lines: string[] = [];
  for (const { language, code, line } of blocksOf(markdown)) {
    if (language !== 'ts') continue;
    while (lines.length < line) lines.push('');
    lines.push(...code.trimEnd().split('\n'));
  }
  lines[0] = "import { check } from './check.ts';";
  return lines
    .join('\n')
    .replaceAll("from 'tfk'", "from '../../src/index.js'")
    .replace(
      /^(\s*)console\.log\((.*)\); \/\/ (.*)$/gm,
      (_, indent: string, values: string, text: string) =>
        `${indent}check(${JSON.stringify(text)}, ${values});`,
    );
}

const checkSource = `import assert from 'node:assert/strict';
import { format } from 'node:util';
export const check = (expected: string, ...values: unknown[]): void =>
  assert.equal(format(...values), expected);
`;

const compilerOptions = {
  target: 'es2023',
  lib: ['es2023'],
  module: 'nodenext',
  types: ['node'],
  strict: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  skipLibCheck: true,
  rewriteRelativeImportExtensions: true,
};

/**
 * Type-checks and compiles programs, as a user's project would, beside the build.
 * @returns the folder of the programs: `<name>.js`
 * @throws the compiler's messages, which have the lines of the pages
 */
export async function compilePrograms(programs: ReadonlyMap<string, string>): Promise<string> {
  const folder = await mkdtemp(join(build, 'test', 'snippets-'));
  const files = [...programs, ['check', checkSource] as const];
  await Promise.all(files.map(([name, source]) => writeFile(join(folder, `${name}.ts`), source)));
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }));
  const compiler = join(dirname(require.resolve('typescript/package.json')), 'bin', 'tsc');
  try {
    await promisify(execFile)(process.execPath, [compiler, '-p', folder]);
    return folder;
  } catch (error) {
    await rm(folder, { recursive: true });
    throw new Error((error as { stdout?: string }).stdout ?? String(error));
  }
}
