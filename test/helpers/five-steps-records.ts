import { describe, test } from '@jest/globals';
import { byClass, fiveSteps } from './five-steps.ts';
import {
  expectLossSteps,
  expectMetricSteps,
  expectOptimizerSteps,
  lossClassOf,
  metricClassOf,
  optimizerClassOf,
} from './five-steps-compile.ts';
import { expectLayerSteps, layerClassOf } from './five-steps-layers.ts';

/** The records by what they are of, the first of each class apart. */
export const records = {
  layers: byClass(fiveSteps.layers, layerClassOf),
  losses: byClass(fiveSteps.losses, lossClassOf),
  metrics: byClass(fiveSteps.metrics, metricClassOf),
  optimizers: byClass(fiveSteps.optimizers, optimizerClassOf),
};

/** A test for the first record of each class, or for all the others. */
export function describeFiveSteps(which: 'first' | 'others'): void {
  const { layers, losses, metrics, optimizers } = records;
  describe('five steps of fit as Keras takes them', () => {
    test.each(layers[which].map((steps) => [steps.name, steps.source, steps] as const))(
      'layer %s (%s)',
      (_name, _source, steps) => expectLayerSteps(steps),
    );
    test.each(losses[which].map((steps) => [steps.name, steps.reduction, steps.weighted, steps] as const))(
      'loss %s: %s, weighted %s',
      (_name, _reduction, _weighted, steps) => expectLossSteps(steps),
    );
    test.each(metrics[which].map((steps) => [steps.name, steps] as const))('metric %s', (_name, steps) =>
      expectMetricSteps(steps),
    );
    test.each(optimizers[which].map((steps) => [steps.name, steps] as const))(
      'optimizer %s',
      (_name, steps) => expectOptimizerSteps(steps),
    );
  });
}
