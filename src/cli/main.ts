#!/usr/bin/env node
import { run } from './program.ts';

// whoever reads our output may have had enough of it: tfk predict ... | head
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});
await run(process.argv.slice(2));
