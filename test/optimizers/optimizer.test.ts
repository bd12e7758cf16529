import { describe, expect, test } from '@jest/globals';
import { atOnce } from '../../src/core/event-loop.ts';
import { scalar } from '../../src/core/tensor.ts';
import { ConfigError, ShapeError } from '../../src/errors.ts';
import {
  adam,
  adamW,
  exponentialDecay,
  lion,
  muon,
  type OptimizerState,
  optimizers,
  sgd,
  WasmUpdate,
} from '../../src/optimizers/index.ts';
import { expectClose } from '../helpers/close.ts';
import { type Descent, float32, makeState, runGraph, runKernels } from '../helpers/optimizer-run.ts';

/** Three weights; the middle one is a whole SIMD vector, the others are not. */
const descent: Descent = {
  initial: [
    { name: 'dense/kernel', shape: [2, 3], data: [1, -2, 3, -4, 5, -6] },
    { name: 'dense/bias', shape: [4], data: [0.5, 0.25, -0.25, 1] },
    { name: 'scale', shape: [], data: [2] },
  ],
  gradients: [1, 2, 3].map((k) => [
    { shape: [2, 3], data: [0.1, -0.2, 0.3, -0.4, 0.5, -0.6].map((g) => g * k) },
    { shape: [4], data: [1, -1, 2, -2].map((g) => g / k) },
    { shape: [], data: [3] },
  ]),
};

describe('kernels and graph agree', () => {
  test.each([
    adam({ clipnorm: 0.5, weightDecay: 0.01, useEma: true, gradientAccumulationSteps: 2 }),
    sgd({ momentum: 0.9, globalClipnorm: 1, lossScaleFactor: 8, useEma: true, emaOverwriteFrequency: 2 }),
    lion({ learningRate: exponentialDecay({ initialLearningRate: 0.1, decaySteps: 1, decayRate: 0.5 }) }),
  ])('%#', (optimizer) => {
    const kernels = runKernels(makeState(optimizer, descent), descent);
    const graph = runGraph(optimizer, descent);
    const flat = (run = graph): number[] => [...run.steps.flat(), ...run.slots].flatMap((a) => Array.from(a));
    expectClose(flat(kernels), flat(graph), { rtol: 1e-5, atol: 1e-6 }, 'kernels');
  });

  test('weights excluded from weight decay keep their size', () => {
    const optimizer = adamW({ learningRate: 1, weightDecay: 0.5 });
    optimizer.excludeFromWeightDecay('bias', /^scale$/);
    const still: Descent = {
      ...descent,
      gradients: [descent.initial.map(({ shape, data }) => ({ shape, data: data.map(() => 0) }))],
    };
    const runs = [runKernels(makeState(optimizer, still), still), runGraph(optimizer, still)];
    for (const run of runs) {
      const [kernel, bias, scale] = run?.steps[0]?.map((a) => Array.from(a)) ?? [];
      expect(kernel).toEqual([0.5, -1, 1.5, -2, 2.5, -3]);
      expect([bias, scale]).toEqual([[0.5, 0.25, -0.25, 1], [2]]);
    }
  });
});

describe('weights of their own kind', () => {
  test('keep still without a gradient, whatever the decay and the norms', () => {
    const optimizer = adamW({ weightDecay: 0.5, globalClipnorm: 1, useEma: true });
    const state = makeState(optimizer, descent);
    state.arena.region('gradients').fill(1);
    const update = atOnce(WasmUpdate.compile(state)) as WasmUpdate;
    update.apply(update.plan([0, 2]));
    const moved = descent.initial.map(({ data }, i) =>
      data.some((x, k) => x !== state.arena.view('weights', i)[k]),
    );
    expect(moved).toEqual([true, false, true]);
    state.useAverages();
    expect(Array.from(state.arena.view('weights', 1))).toEqual(descent.initial[1]?.data);
  });

  test('learn at a rate of their own', () => {
    const optimizer = sgd({ learningRate: 0.5, weightDecay: 0.1 });
    optimizer.scaleLearningRate(0.1, /^dense/);
    optimizer.scaleLearningRate(0, 'bias');
    const state = makeState(optimizer, descent);
    expect(atOnce(WasmUpdate.compile(state))?.plan().length).toBe(3);
    const one = { ...descent, gradients: descent.gradients.slice(0, 1) };
    for (const run of [runKernels(state, one), runGraph(optimizer, one)]) {
      const [kernel, bias, scale] = run?.steps[0] ?? [];
      expect(kernel?.[0]).toBeCloseTo(1 - 0.05 * (0.1 + 0.1 * 1), 6);
      expect(Array.from(bias ?? [])).toEqual([0.5, 0.25, -0.25, 1]);
      expect(scale?.[0]).toBeCloseTo(2 - 0.5 * (3 + 0.1 * 2), 6);
    }
    expect(() => optimizer.scaleLearningRate(-1, 'bias')).toThrow(ConfigError);
  });
});

describe('OptimizerState', () => {
  const variable = (state: OptimizerState, path: string) => {
    const found = state.variables.find((v) => v.path === path);
    if (found === undefined) throw new Error(`no variable ${path}`);
    return found;
  };

  test('resumes from its variables', () => {
    const optimizer = adam();
    const first = makeState(optimizer, descent);
    const half = { ...descent, gradients: descent.gradients.slice(0, 2) };
    const rest = { ...descent, gradients: descent.gradients.slice(2) };
    runKernels(first, half);
    const second = makeState(optimizer, {
      ...descent,
      initial: descent.initial.map((t, i) => ({ ...t, data: Array.from(first.arena.view('weights', i)) })),
    });
    second.variables.forEach((v, i) => {
      v.write(first.variables[i]?.read() ?? scalar(0));
    });
    expect(second.iteration).toBe(2);
    expect(runKernels(second, rest)).toEqual(runKernels(first, rest));
  });

  test('has a learning rate that can be set, and saved', () => {
    const state = makeState(sgd({ learningRate: 0.1 }), descent);
    state.learningRate = 0.5;
    expect(variable(state, 'sgd/learning_rate').read().item()).toBe(0.5);
    variable(state, 'sgd/iteration').write(scalar(7, 'int64'));
    expect(state.iteration).toBe(7);
    state.reset();
    expect([state.learningRate, state.iteration]).toEqual([0.1, 0]);
  });

  test('follows a schedule', () => {
    const schedule = exponentialDecay({ initialLearningRate: 1, decaySteps: 1, decayRate: 0.5 });
    const state = makeState(sgd({ learningRate: schedule }), descent);
    runKernels(state, descent);
    expect(state.learningRate).toBe(0.125);
    expect(state.variables.map((v) => v.path)).toEqual(['sgd/iteration']);
    expect(() => {
      state.learningRate = 1;
    }).toThrow(ConfigError);
  });

  test('refuses a value of another size', () => {
    const state = makeState(adam(), descent);
    const write = () => variable(state, 'adam/dense_kernel_momentum').write(float32([1, 2]));
    expect(write).toThrow(ShapeError);
    expect(write).toThrow(/dense_kernel_momentum.*expected shape \[2,3\].*Received \[2\]/);
  });

  test('runs weights that lie side by side in one call', () => {
    expect(atOnce(WasmUpdate.compile(makeState(adam(), descent)))?.plan().length).toBe(1);
    expect(atOnce(WasmUpdate.compile(makeState(adam({ clipnorm: 1 }), descent)))?.plan().length).toBe(3);
  });
});

describe('options', () => {
  test.each([
    [() => adam({ clipnorm: 1, clipvalue: 1 }), /at most one of.*Received clipnorm and clipvalue/],
    [() => sgd({ momentum: 2 }), /momentum.*\[0, 1\].*Received 2/],
    [() => sgd({ gradientAccumulationSteps: 1 }), /at least 2/],
    [() => muon({ excludeLayers: ['('] }), /excludeLayers.*regular expression/],
    [() => optimizers.make('adm'), /Did you mean "adam"/],
    [() => optimizers.make({ type: 'adam', lr: 1 }), /unknown option "lr"/],
  ])('refused: %#', (make, message) => {
    expect(make).toThrow(ConfigError);
    expect(make).toThrow(message);
  });

  test('make a config that rebuilds the optimizer', () => {
    for (const name of optimizers.names()) {
      const optimizer = optimizers.make(name);
      const rebuilt = optimizers.make({ className: optimizer.className, config: optimizer.getConfig() });
      expect(rebuilt.getConfig()).toEqual(optimizer.getConfig());
    }
  });
});
