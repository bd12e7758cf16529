import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { jest } from '@jest/globals';
import { run } from '../../src/cli/program.ts';
import { tensor } from '../../src/core/tensor.ts';
import { writeNpz } from '../../src/formats/npz-writer.ts';

const main = fileURLToPath(new URL('../../tfk/main.js', import.meta.url));

/** What a command did. */
export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs `tfk` as a process of its own.
 * @param onOutput - is given what has been printed so far, and the process, each time something is printed
 */
export function runTfk(
  args: readonly string[],
  options: {
    readonly cwd?: string;
    readonly onOutput?: (stdout: string, kill: (signal?: NodeJS.Signals) => void) => void;
  } = {},
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [main, ...args], { cwd: options.cwd ?? process.cwd() });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (piece: Buffer) => {
      stdout += piece.toString();
      options.onOutput?.(stdout, (signal = 'SIGINT') => child.kill(signal));
    });
    child.stderr.on('data', (piece: Buffer) => {
      stderr += piece.toString();
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}

/** Runs `tfk` within this process, which is quicker. */
export async function callTfk(...args: readonly string[]): Promise<Outcome> {
  const printed = { stdout: '', stderr: '' };
  const keep = (stream: keyof typeof printed) => (text: unknown) => {
    printed[stream] += String(text).replace(/\n?$/, '\n');
    return true;
  };
  const spies = [
    jest.spyOn(console, 'log').mockImplementation(keep('stdout')),
    jest.spyOn(console, 'error').mockImplementation(keep('stderr')),
    jest.spyOn(process.stdout, 'write').mockImplementation(keep('stdout')),
    jest.spyOn(process.stderr, 'write').mockImplementation(keep('stderr')),
  ];
  const before = process.exitCode;
  process.exitCode = 0;
  try {
    await run(args);
    return { code: Number(process.exitCode), ...printed };
  } finally {
    process.exitCode = before;
    for (const spy of spies) spy.mockRestore();
  }
}

/**
 * 60 points in the plane, of three classes by the angle: a task that a small dense model learns at once.
 * @param shift - added to each coordinate
 */
export function pointsNpz(shift = 0): Uint8Array {
  const x = new Float32Array(120);
  const y = new Int32Array(60);
  for (let i = 0; i < 60; i++) {
    y[i] = i % 3;
    const angle = ((i % 3) * 2 * Math.PI) / 3 + 0.3 * Math.sin(i);
    x[2 * i] = Math.cos(angle) + shift;
    x[2 * i + 1] = Math.sin(angle) + shift;
  }
  return writeNpz([
    ['x', tensor(x, [60, 2])],
    ['y', tensor(y)],
  ]);
}

/** A config that learns {@link pointsNpz}, with some of its keys replaced. */
export const pointsConfig = (folder: string, changes: Readonly<Record<string, unknown>> = {}): string =>
  JSON.stringify({
    seed: 3,
    model: {
      layers: [
        { type: 'dense', units: 8, activation: 'tanh' },
        { type: 'dense', units: 3 },
      ],
    },
    data: { train: { npz: 'points.npz' }, test: { npz: 'points.npz', limit: 30 }, validationSplit: 0.2 },
    compile: {
      optimizer: { type: 'adam', learningRate: 0.02 },
      loss: { type: 'sparseCategoricalCrossentropy', fromLogits: true },
      metrics: ['accuracy'],
    },
    fit: { epochs: 4, batchSize: 8 },
    output: join(folder, 'run'),
    ...changes,
  });
