/** `npm run bench`: tfk and its peers in turns, on the same tasks. See README.md. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { chosenContenders, contenders } from './contenders.ts';
import { measure } from './measure.ts';
import { compare, machine, table } from './report.ts';
import { predictionTask, type Task } from './task.ts';
import { findWorkload, workloads } from './workloads/index.ts';

const usage = `npm run bench -- [options]
  --only mlp,tiny-mlp      these workloads (${workloads.map((w) => w.name).join(', ')})
  --peers torch,keras-jax  these peers (${contenders.predict
    .slice(1)
    .map((c) => c.name)
    .join(', ')})
  --inference              predictions, not training
  --batch 1,64             batch sizes of predictions
  --breakdown              also where the time of tfk's training step goes
  --rounds 7               repetitions of each side
  --seconds 1              length of a repetition
  --json                   one line of JSON per workload and framework
`;

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    peers: { type: 'string' },
    inference: { type: 'boolean', default: false },
    batch: { type: 'string', default: '1,64' },
    breakdown: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '7' },
    seconds: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

/** What is measured of a workload, each with a title. */
function tasks(workload: Task): (readonly [string, Task])[] {
  if (!values.inference) return [[workload.name, workload]];
  const sizes = values.batch.split(',').map(Number);
  return sizes.map((size) => [`${workload.name}, ${size}`, predictionTask(workload, size)]);
}

/** The line that `breakdown.ts` prints. */
function breakdown(workload: Task): string {
  const script = fileURLToPath(new URL('./breakdown.js', import.meta.url));
  const { stdout, stderr } = spawnSync(process.execPath, [script, workload.name], { encoding: 'utf8' });
  return stdout.trim() || stderr.trim();
}

async function main(): Promise<void> {
  const chosen = values.only?.split(',').map(findWorkload) ?? workloads;
  const sides = chosenContenders(values.inference ? 'predict' : 'train', values.peers?.split(','));
  const effort = { rounds: Number(values.rounds), seconds: Number(values.seconds) };
  if (!values.json) console.log(machine());
  for (const workload of chosen) {
    for (const [title, task] of tasks(workload)) {
      const lines = compare(title, await measure(task, sides, effort));
      if (values.json) for (const line of lines) console.log(JSON.stringify(line));
      else console.log(`\n${table(title, lines)}`);
    }
    if (values.breakdown) console.log(breakdown(workload));
  }
}

process.on('SIGINT', () => process.exit(130)); // ends the sides too
if (values.help) console.log(usage);
else {
  await main().catch((error: unknown) => {
    if (!(error instanceof RangeError)) throw error;
    console.error(error.message);
    process.exitCode = 2;
  });
}
