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

type Golden = Descent & { readonly cases: readonly OptimizerCase[] };
const golden = readGolden<Golden>('optimizers.json');
/** Also some rules over weights of other shapes. */
const {
  cases: more,
  wide,
  defaults: moreDefaults,
} = readGolden<Pick<Golden, 'cases'> & Defaults & { readonly wide: Golden }>('optimizers-more.json');
const cases = [...golden.cases, ...more];
const make = ({ className, options }: OptimizerCase): Optimizer =>
  optimizers.make({ className, config: options });

interface Defaults {
  readonly defaults: readonly {
    readonly name: string;
    readonly config: Readonly<Record<string, unknown>>;
  }[];
}

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
  test('all rules are covered', () => {
    expect(new Set(cases.map((c) => c.className.toLowerCase()))).toEqual(
      // Keras has no L-BFGS: see lbfgs.test.ts
      new Set(
        optimizers
          .names()
          .map((name) => name.toLowerCase())
          .filter((name) => name !== 'lbfgs'),
      ),
    );
  });

  test.each(cases)('SIMD kernels: $name', (record) => {
    const state = makeState(make(record), golden);
    const trajectory = runKernels(state, golden);
    // a power without a SIMD form, and rules that look at whole tensors
    if (record.options.learningRatePower === -0.4 || !state.optimizer.elementwise) {
      expect(trajectory).toBeUndefined();
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

  test.each(wide.cases)('graph, over weights of all kinds: $name', (record) => {
    expectTrajectory(runGraph(make(record), wide), record, 'graph');
  });

  test.each(cases)('variables: $name', (record) => {
    const ours = makeState(make(record), golden).variables;
    const unnumbered = (path: string): string => path.replace(/^([a-z_]+?)_\d+\//, '$1/');
    // Keras leaves the name of Nadam's product to chance, and names Adafactor's factors like the weight
    const theirs = record.slots.map(({ name }) =>
      name.startsWith('variable') ? 'nadam/momentum_product' : unnumbered(name).replace('adafactor/', ''),
    );
    const paths = ours.map(({ path }) => path.replace(/adafactor\/|_row$|_column$/g, ''));
    expect(paths).toEqual(theirs);
    expect(ours.map((v) => v.shape)).toEqual(record.slots.map((s) => s.shape));
  });
});

describe('defaults are those of Keras', () => {
  const { optimizers: recorded } = readGolden<{ optimizers: Defaults['defaults'] }>('defaults.json');
  const camel = (name: string): string => name.replace(/_+([a-z0-9])/g, (_, c: string) => c.toUpperCase());

  test.each([...recorded, ...moreDefaults])('$name', ({ name, config }) => {
    const optimizer = optimizers.make(name);
    const ours = { name: optimizer.name, ...optimizer.getConfig() };
    const theirs = Object.fromEntries(Object.entries(config).map(([key, value]) => [camel(key), value]));
    expect(ours).toEqual(theirs);
  });
});
