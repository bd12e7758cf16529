import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { exitCodes } from '../../src/cli/exit.ts';
import { Random } from '../../src/core/random.ts';
import { loadModel } from '../../src/index.ts';
import { pointsConfig, pointsNpz, runTfk } from './run-tfk.ts';

const main = fileURLToPath(new URL('../../tfk/main.js', import.meta.url));

/** What a run left behind. */
export interface Remains {
  /** SHA-256 of the weights. */
  readonly weights: string;
  readonly history: string;
  readonly log: string;
  readonly files: readonly string[];
}

/** A run that takes a while, and saves itself at every second step. */
const config = (folder: string): string =>
  pointsConfig(folder, {
    model: {
      layers: [
        { type: 'dense', units: 8, activation: 'tanh' },
        { type: 'batchNormalization' },
        { type: 'dropout', rate: 0.2 },
        { type: 'dense', units: 3 },
      ],
    },
    fit: { epochs: 30, batchSize: 4 },
    checkpoint: { saveFreq: 2 },
    callbacks: [{ type: 'earlyStopping', monitor: 'loss', patience: 5, restoreBestWeights: true }],
    threads: 1,
  });

async function remainsOf(run: string): Promise<Remains> {
  const model = await loadModel(join(run, 'model.keras'));
  const hash = createHash('sha256');
  for (const { data } of model.getWeights())
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  const text = (name: string): Promise<string> => readFile(join(run, name), 'utf8');
  return {
    weights: hash.digest('hex'),
    history: await text('history.json'),
    log: await text('log.csv'),
    // killed at the very end, a run that is whole may leave these: nothing looks at them
    files: (await readdir(run)).filter((name) => name !== 'checkpoint' && name !== 'run.lock').sort(),
  };
}

/** Runs `tfk` and kills it after some milliseconds, counted from where it begins to train. */
function kill(args: readonly string[], milliseconds: number): Promise<'killed' | 'done'> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    let timer: NodeJS.Timeout | undefined;
    child.stdout.on('data', () => {
      timer ??= setTimeout(() => child.kill('SIGKILL'), milliseconds);
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      if (signal === 'SIGKILL') resolve('killed');
      else if (code === exitCodes.ok || code === exitCodes.exists) resolve('done');
      else reject(new Error(`tfk ${args.join(' ')} ended with ${code ?? signal}.`));
    });
  });
}

/**
 * The remains of a run that nobody disturbed, and of the same run killed at random moments and resumed each time.
 * A run that comes to its end between two kills is trained anew, into a folder of its own.
 */
export async function killedAndWhole(
  kills: number,
  seed = 1,
): Promise<{ whole: Remains; broken: Remains[] }> {
  const base = await mkdtemp(join(tmpdir(), 'tfk-killed-'));
  try {
    await writeFile(join(base, 'points.npz'), pointsNpz());
    const path = join(base, 'train.json');
    await writeFile(path, config(base));
    let begun = 0;
    const undisturbed = await runTfk(['train', path], {
      onOutput: () => {
        begun ||= performance.now();
      },
    });
    if (undisturbed.code !== 0) throw new Error(undisturbed.stderr);
    // most kills shall come before the end, also of a run that has little left
    const longest = (performance.now() - begun) / 3;
    const whole = await remainsOf(join(base, 'run'));
    const random = new Random(seed);
    const broken: Remains[] = [];
    let run = join(base, 'broken-0');
    for (let killed = 0; killed < kills; ) {
      const outcome = await kill(await begin(path, run), random.uniform() * longest);
      if (outcome === 'killed') killed++;
      if (outcome === 'killed' && killed < kills) continue;
      const last = outcome === 'killed' ? await runTfk(await begin(path, run)) : { code: 0, stderr: '' };
      if (last.code !== exitCodes.ok && last.code !== exitCodes.exists) throw new Error(last.stderr);
      broken.push(await remainsOf(run));
      run = join(base, `broken-${broken.length}`);
    }
    return { whole, broken };
  } finally {
    await rm(base, { recursive: true });
  }
}

/** How a run goes on, whatever there is of it. */
async function begin(path: string, run: string): Promise<string[]> {
  const files = await readdir(run).catch((): string[] => []);
  const goesOn = files.includes('config.json') && !files.includes('metrics.json');
  return goesOn ? ['resume', run] : ['train', path, '--output', run];
}
