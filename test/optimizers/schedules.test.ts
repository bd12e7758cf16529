import { describe, expect, test } from '@jest/globals';
import { ConfigError } from '../../src/errors.ts';
import { adam, cosineDecayRestarts, optimizers, schedules } from '../../src/optimizers/index.ts';
import { expectClose } from '../helpers/close.ts';
import { readGolden } from '../helpers/golden.ts';

interface ScheduleCase {
  readonly name: string;
  readonly className: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly steps: readonly number[];
  readonly values: readonly number[];
}

describe('schedules follow Keras', () => {
  test.each(readGolden<ScheduleCase[]>('schedules.json'))(
    '$name',
    ({ className, options, steps, values }) => {
      const schedule = schedules.make({ className, config: options });
      expectClose(
        steps.map((s) => schedule.value(s)),
        values,
        { rtol: 1e-5, atol: 1e-9 },
        className,
      );
    },
  );

  test('periods of a restarting schedule end where they should', () => {
    const schedule = cosineDecayRestarts({ initialLearningRate: 1, firstDecaySteps: 10, tMul: 3 });
    const starts = [0, 10, 40, 130, 400].map((step) => schedule.value(step));
    expectClose(starts, [1, 1, 1, 1, 1], { rtol: 0, atol: 1e-9 }, 'starts of periods');
  });
});

describe('schedules as options', () => {
  test('an optimizer takes one by name, and writes it', () => {
    const options = { type: 'exponentialDecay', initialLearningRate: 0.1, decaySteps: 10, decayRate: 0.5 };
    const optimizer = adam({ learningRate: options });
    expect(optimizer.learningRateAt(10)).toBeCloseTo(0.05);
    const rebuilt = optimizers.make({ className: 'Adam', config: optimizer.getConfig() });
    expect(rebuilt.getConfig()).toEqual(optimizer.getConfig());
    expect(rebuilt.learningRateAt(20)).toBeCloseTo(0.025);
  });

  test.each([
    [() => adam({ learningRate: { type: 'exponentialDecay', decaySteps: 0 } }), /decaySteps.*above 0/],
    [() => adam({ learningRate: { type: 'cosine' } }), /Unknown learning rate schedule "cosine"/],
    [
      () => schedules.make({ type: 'piecewiseConstantDecay', boundaries: [1], values: [1] }),
      /one value more than boundaries/,
    ],
  ])('refused: %#', (make, message) => {
    expect(make).toThrow(ConfigError);
    expect(make).toThrow(message);
  });
});
