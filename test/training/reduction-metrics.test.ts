import { describe, expect, test } from '@jest/globals';
import { metrics } from '../../src/index.ts';
import { readGolden } from '../helpers/golden.ts';

interface Case {
  readonly className: 'Mean' | 'Sum';
  /** Values and weights of each update, and what the metric says then. */
  readonly updates: readonly { values: never; sampleWeight: never | null; result: number }[];
}

describe('metrics of values', () => {
  test.each(readGolden<readonly Case[]>('reduction-metrics.json').map((c) => [c.className, c] as const))(
    '%s is what Keras says',
    (_, { className, updates }) => {
      const metric = new metrics[className]();
      expect(metric.result()).toBe(0);
      for (const { values, sampleWeight, result } of updates) {
        metric.updateState(values, sampleWeight ?? undefined);
        expect(metric.result()).toBeCloseTo(result, 5);
      }
      metric.resetState();
      expect(metric.result()).toBe(0);
    },
  );

  test('have names, and refuse weights that do not fit', () => {
    expect(metrics.mean().name).toBe('mean');
    expect(metrics.sum({ name: 'steps' }).name).toBe('steps');
    expect(() => metrics.mean().updateState([1, 2, 3], [1, 2])).toThrow('first axes of the values [3]');
  });
});
