import { writeFile } from 'node:fs/promises';
import { coverageText, kerasCoverage } from '../helpers/keras-coverage.ts';

/** Writes the table of Keras's names: `node dist/test/docs/write-keras-coverage.js`. */
await writeFile('docs/keras-coverage.json', coverageText(kerasCoverage()));
