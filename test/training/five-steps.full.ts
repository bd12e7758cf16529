import { describe, test } from '@jest/globals';
import { byClass, fiveSteps } from '../helpers/five-steps.ts';
import {
  expectLossSteps,
  expectMetricSteps,
  expectOptimizerSteps,
  lossClassOf,
  metricClassOf,
  optimizerClassOf,
} from '../helpers/five-steps-compile.ts';
import { expectLayerSteps, layerClassOf } from '../helpers/five-steps-layers.ts';

const ofLayers = byClass(fiveSteps.layers, layerClassOf).others;
const ofLosses = byClass(fiveSteps.losses, lossClassOf).others;
const ofMetrics = byClass(fiveSteps.metrics, metricClassOf).others;
const ofOptimizers = byClass(fiveSteps.optimizers, optimizerClassOf).others;

// what five-steps.test.ts leaves
describe('five steps of fit as Keras takes them', () => {
  test.each(ofLayers.map((steps) => [steps.name, steps.source, steps] as const))(
    'layer %s (%s)',
    (_name, _source, steps) => expectLayerSteps(steps),
  );
  test.each(ofLosses.map((steps) => [steps.name, steps.reduction, steps.weighted, steps] as const))(
    'loss %s: %s, weighted %s',
    (_name, _reduction, _weighted, steps) => expectLossSteps(steps),
  );
  test.each(ofMetrics.map((steps) => [steps.name, steps] as const))('metric %s', (_name, steps) =>
    expectMetricSteps(steps),
  );
  test.each(ofOptimizers.map((steps) => [steps.name, steps] as const))('optimizer %s', (_name, steps) =>
    expectOptimizerSteps(steps),
  );
});
