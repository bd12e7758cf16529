import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { graphText } from './graphs.ts';
import { referenceModels } from './index.ts';

// Compares the models' graphs with the recorded ones; `--write` records them anew. Run from the repository's root.
const write = process.argv.includes('--write');
for (const [name, reference] of Object.entries(referenceModels)) {
  const path = join('models', name, 'graph.txt');
  const text = graphText(reference);
  if (write) writeFileSync(path, text);
  else if (readFileSync(path, 'utf8') !== text) {
    process.exitCode = 1;
    console.error(`${path} differs. Run \`npm run goldens\` and look at what changed.`);
  }
}
