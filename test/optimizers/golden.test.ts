import { describe, expect, test } from '@jest/globals';
import { type Optimizer, optimizers } from '../../src/optimizers/index.ts';
import { expectClose, type Tolerance } from '../helpers/close.ts';
import { type GoldenTensor, readGolden } from '../helpers/golden.ts';
import { type Descent, makeState, runGraph, runKernels, type Trajectory } from '../helpers/optimizer-run.ts';

interface OptimizerCase {
  readonly name: string;
  readonly className: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly steps: readonly (readonly GoldenTensor[])[];
  readonly slots: readonly (GoldenTensor & { readonly name: string })[];
  readonly finalized?: readonly GoldenTensor[];
}

/** Rules that are not elementwise. */
const absent = new Set(['Lamb', 'Adafactor']);
const golden = readGolden<Descent & { readonly cases: readonly OptimizerCase[] }>('optimizers.json');
const cases = golden.cases.filter(({ className }) => !absent.has(className));
const make = ({ className, options }: OptimizerCase): Optimizer =>
  optimizers.make({ className, config: options });
/** Ten float32 steps: Keras's rounding and ours differ. */
const tolerance: Tolerance = { rtol: 2e-5, atol: 2e-6 };

function expectTrajectory({ steps, slots }: Trajectory, expected: OptimizerCase, label: string): void {
  steps.forEach((weights, step) => {
    weights.forEach((data, i) => {
      const want = expected.steps[step]?.[i]?.data ?? [];
      expectClose(data, want, tolerance, `${label}, step ${step}, weight ${i}`);
    });
  });
  const kept = expected.slots.filter(({ name }) => !/\/(iteration|learning_rate)$/.test(name));
  expect(slots.length).toBe(kept.length);
  kept.forEach(({ name, data }, i) => {
    expectClose(slots[i] ?? [], data, tolerance, `${label}, ${name}`);
  });
}

describe('ten steps as Keras takes them', () => {
  test('all rules but those that are not elementwise are covered', () => {
    expect(new Set(cases.map((c) => c.className.toLowerCase()))).toEqual(
      new Set(optimizers.names().map((name) => name.toLowerCase())),
    );
  });

  test.each(cases)('SIMD kernels: $name', (record) => {
    const state = makeState(make(record), golden);
    const trajectory = runKernels(state, golden);
    if (record.options.learningRatePower === -0.4) {
      expect(trajectory).toBeUndefined(); // a power without a SIMD form
      return;
    }
    expectTrajectory(trajectory as Trajectory, record, 'kernels');
    state.useAverages();
    record.finalized?.forEach(({ data }, i) => {
      expectClose(state.arena.view('weights', i), data, tolerance, `weight ${i} after training`);
    });
  });

  test.each(cases)('graph: $name', (record) => {
    expectTrajectory(runGraph(make(record), golden), record, 'graph');
  });

  test.each(cases)('variables: $name', (record) => {
    const ours = makeState(make(record), golden).variables;
    const unnumbered = (path: string): string => path.replace(/^([a-z_]+?)_\d+\//, '$1/');
    // Keras leaves the name of Nadam's product to chance
    const theirs = record.slots.map(({ name }) =>
      name.startsWith('variable') ? 'nadam/momentum_product' : name,
    );
    expect(ours.map((v) => v.path)).toEqual(theirs.map(unnumbered));
    expect(ours.map((v) => v.shape)).toEqual(record.slots.map((s) => s.shape));
  });
});

describe('defaults are those of Keras', () => {
  interface Defaults {
    readonly optimizers: readonly {
      readonly name: string;
      readonly config: Readonly<Record<string, unknown>>;
    }[];
  }
  const defaults = readGolden<Defaults>('defaults.json').optimizers.filter(({ name }) => !absent.has(name));
  const camel = (name: string): string => name.replace(/_+([a-z0-9])/g, (_, c: string) => c.toUpperCase());

  test.each(defaults)('$name', ({ name, config }) => {
    const optimizer = optimizers.make(name);
    const ours = { name: optimizer.name, ...optimizer.getConfig() };
    const theirs = Object.fromEntries(Object.entries(config).map(([key, value]) => [camel(key), value]));
    expect(ours).toEqual(theirs);
  });
});
