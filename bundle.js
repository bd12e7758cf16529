/**
 * Joins the compiled sources to a few files (`dist/tfk`), since Node takes several times as long to load hundreds.
 * What `import 'tfk'`, the command and the workers share is in files that they share: one library, whoever loads it.
 */
import { readFile, rm } from 'node:fs/promises';
import { build } from 'esbuild';

const { dependencies, peerDependencies } = JSON.parse(await readFile('package.json', 'utf8'));
// zod is joined, too: all of it, translations included, is loaded otherwise
const { zod, ...external } = { ...dependencies, ...peerDependencies };
const outdir = 'dist/tfk';
await rm(outdir, { recursive: true, force: true });
await build({
  entryPoints: [
    'dist/src/index.js',
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
});
