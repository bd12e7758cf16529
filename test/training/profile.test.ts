import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import {
  ConfigError,
  clearSession,
  type FitOptions,
  layers,
  type Model,
  sequential,
  setRandomSeed,
} from '../../src/index.ts';
import { type TraceEvent, tracedRuns } from '../../src/training/profile.ts';
import { withFiles } from '../data/files.ts';
import { normalData, quiet } from '../helpers/small-models.ts';

const x = normalData([60, 4]);
const y = normalData([60, 2]);

function build(stepsPerExecution = 1): Model {
  clearSession();
  setRandomSeed(1);
  const model = sequential([
    layers.dense({ units: 8, activation: 'tanh', name: 'hidden' }),
    layers.dropout({ rate: 0.2 }),
    layers.dense({ units: 2, name: 'scores' }),
  ]);
  model.compile({ optimizer: 'adam', loss: 'mse', threads: 1, stepsPerExecution });
  return model;
}

/** Traces a run of 10 steps an epoch. */
async function traced(model: Model, epochs: number, options: FitOptions = {}): Promise<TraceEvent[]> {
  return withFiles({}, async (folder) => {
    const profile = join(folder, 'trace.json');
    await model.fit(x, y, { ...quiet, batchSize: 6, epochs, profile, ...options });
    return JSON.parse(await readFile(profile, 'utf8')).traceEvents;
  });
}

const weights = (model: Model): number[][] => model.getWeights().map((w) => [...(w.data as Float32Array)]);
const named = (events: readonly TraceEvent[], name: string): TraceEvent[] =>
  events.filter((e) => e.name === name);
const ops = (events: readonly TraceEvent[]): TraceEvent[] => events.filter((e) => e.cat === 'op');
/** The forward pass of the first layer: one fused op. */
const hidden = (events: readonly TraceEvent[]): TraceEvent[] =>
  ops(events).filter((e) => e.name.startsWith('sequential/hidden/'));
const end = ({ ts = 0, dur = 0 }: TraceEvent): number => ts + dur;

describe('fit({ profile })', () => {
  test('traces what the host does and every op, by layer path', async () => {
    const events = await traced(build(), 1);
    for (const name of ['feed', 'random', 'run', 'optimizer', 'callbacks'])
      expect(named(events, name)).toHaveLength(10);
    expect(named(events, 'compile')).toHaveLength(1);
    expect(hidden(events)).toHaveLength(10);
    const names = ops(events).map((e) => e.name);
    for (const part of ['sequential/scores/', 'sequential/hidden(gradient)/', 'loss/scores'])
      expect(names).toContainEqual(expect.stringContaining(part));
    expect(hidden(events)[0]?.args).toEqual({
      op: 'FusedGemm',
      inputs: ['float[6,4]', 'float[4,8]', 'float[8]'],
      outputs: ['float[6,8]'],
    });
  });

  test('puts the ops of a step inside its run', async () => {
    const events = await traced(build(), 1);
    const runs = named(events, 'run');
    hidden(events).forEach((op, i) => {
      const run = runs[i] as TraceEvent;
      expect(op.ts).toBeGreaterThanOrEqual(run.ts as number);
      expect(end(op)).toBeLessThanOrEqual(end(run));
    });
  });

  test('traces the first steps only, and changes nothing', async () => {
    const watched = build();
    const events = await traced(watched, 3);
    expect(named(events, 'run')).toHaveLength(tracedRuns);
    expect(hidden(events)).toHaveLength(tracedRuns);
    const plain = build();
    await plain.fit(x, y, { ...quiet, batchSize: 6, epochs: 3 });
    expect(weights(watched)).toEqual(weights(plain));
  });

  test('traces a model that has trained before, which goes on where it was', async () => {
    const watched = build();
    await watched.fit(x, y, { ...quiet, batchSize: 6 });
    expect(hidden(await traced(watched, 1))).toHaveLength(10);
    const plain = build();
    await plain.fit(x, y, { ...quiet, batchSize: 6, epochs: 2 });
    expect(weights(watched)).toEqual(weights(plain));
  });

  test('traces several steps in one call, and validation', async () => {
    const events = await traced(build(5), 1, { validationData: [x, y] });
    expect(named(events, 'run')).toHaveLength(2 + 10);
    expect(named(events, 'compile')).toHaveLength(2);
    expect(hidden(events)).toHaveLength(2 * 5 + 10);
  });

  test('refuses a file that cannot be written, before training', async () => {
    const model = build();
    await withFiles({}, async (folder) => {
      const fit = model.fit(x, y, { ...quiet, profile: join(folder, 'missing', 'trace.json') });
      await expect(fit).rejects.toThrow(ConfigError);
      await expect(fit).rejects.toThrow(/"profile" names a file that cannot be written: .*ENOENT/);
    });
  });
});
