/** `npm run bench`: tfk and its peers in turns, on the same tasks. See README.md. */
import { parseArgs } from 'node:util';
import { contenders, findPeer } from './contenders.ts';
import { measure } from './measure.ts';
import { compare, machine, table } from './report.ts';
import { findWorkload, workloads } from './workloads/index.ts';

const usage = `npm run bench -- [options]
  --only mlp,tiny-mlp      these workloads (${workloads.map((w) => w.name).join(', ')})
  --peers torch,keras-jax  these peers (${contenders
    .slice(1)
    .map((c) => c.name)
    .join(', ')})
  --rounds 7               repetitions of each side
  --seconds 1              length of a repetition
  --json                   one line of JSON per workload and framework
`;

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    peers: { type: 'string' },
    rounds: { type: 'string', default: '7' },
    seconds: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

async function main(): Promise<void> {
  const chosen = values.only?.split(',').map(findWorkload) ?? workloads;
  const [tfk, ...others] = contenders;
  const sides = [tfk, ...(values.peers?.split(',').map(findPeer) ?? others)];
  const effort = { rounds: Number(values.rounds), seconds: Number(values.seconds) };
  if (!values.json) console.log(machine());
  for (const workload of chosen) {
    const lines = compare(workload.name, await measure(workload, sides, effort));
    if (values.json) for (const line of lines) console.log(JSON.stringify(line));
    else console.log(`\n${table(workload.name, lines)}`);
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
