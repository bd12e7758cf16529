/**
 * Joins the compiled sources to a few files (`dist/tfk`), since Node takes several times as long to load hundreds.
 * What `import 'tfk'`, the command and the workers share is in files that they share: one library, whoever loads it.
 */
import { readFile, rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { build } from 'esbuild';

const { dependencies, peerDependencies } = JSON.parse(await readFile('package.json', 'utf8'));
// zod is joined, too: all of it, translations included, is loaded otherwise
const { zod, ...external } = { ...dependencies, ...peerDependencies };
const outdir = 'dist/tfk';
const library = 'dist/src/index.js';
const options = {
  entryPoints: [
    library,
    'dist/src/cli/main.js',
    'dist/src/data/map-worker.js',
    'dist/src/backend/wasm/second-thread-worker.js',
  ],
  entryNames: '[name]',
  outdir,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  external: Object.keys(external),
  sourcemap: true,
  sourcesContent: false,
};

const { metafile } = await build({ ...options, write: false, metafile: true });
/** What the library loads when it is needed. */
const later = new Set(
  Object.entries(metafile.inputs)
    .filter(([importer]) => !importer.startsWith('dist/src/cli/'))
    .flatMap(([, { imports }]) => imports.filter(({ kind }) => kind === 'dynamic-import'))
    .map(({ path }) => resolve(path)),
);
/** It is loaded after the library, which is one file then: its modules need not be parted by who shares them. */
const afterLibrary = {
  name: 'after-library',
  setup({ onLoad }) {
    onLoad({ filter: /\.js$/ }, async ({ path }) => {
      if (!later.has(path)) return undefined;
      return { contents: `${await readFile(path, 'utf8')}\nimport ${JSON.stringify(resolve(library))};` };
    });
  },
};

await rm(outdir, { recursive: true, force: true });
await build({ ...options, plugins: [afterLibrary] });
