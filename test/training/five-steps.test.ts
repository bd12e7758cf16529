import { describe, expect, test } from '@jest/globals';
import { losses, metrics, optimizers, schedules } from '../../src/index.ts';
import { layerRegistry } from '../../src/layers/registry.ts';
import { describeFiveSteps, records } from '../helpers/five-steps-records.ts';

// one record of each class; five-steps.full.ts has the others
describeFiveSteps('first');

/** Layers without a record here, by the reason. */
const layersWithout = {
  'give the data itself, or what a function of the user gives': ['InputLayer', 'Lambda'],
  'trained inside RNN, which is on record': ['SimpleRNNCell', 'LSTMCell', 'GRUCell', 'StackedRNNCells'],
  'not in Keras: KerasHub has them': ['PositionEmbedding', 'SinePositionEncoding'],
  'look texts up before training; their numbers are in preprocessing.json': [
    'Hashing',
    'HashedCrossing',
    'StringLookup',
    'TextVectorization',
  ],
  'does what the layers inside do': ['Pipeline'],
  'trained in keras/trained-vocabulary.keras': ['IntegerLookup'],
  'draw in another way than Keras, so that no step is the same: augmentation/properties.test.ts': [
    'AugMix',
    'CutMix',
    'MixUp',
    'RandAugment',
    'RandomElasticTransform',
  ],
  'Keras on JAX cannot trace it: augmentation.json has its numbers': ['RandomCrop'],
  'change data, no gradient; a step takes seconds: augmentation.json has its numbers': [
    'ContrastLimitedAdaptiveHistogramEqualization',
  ],
};

describe('nothing is left out', () => {
  test.each([
    ['layer', layerRegistry.names(), records.layers.classes, Object.values(layersWithout).flat()],
    ['loss', losses.losses.names(), records.losses.classes, []],
    // measures with a function, which no record holds
    ['metric', metrics.metrics.names(), records.metrics.classes, ['MeanMetricWrapper']],
    // not in Keras: see optimizers/lbfgs.test.ts
    [
      'optimizer',
      [...optimizers.optimizers.names(), ...schedules.schedules.names()],
      records.optimizers.classes,
      ['LBFGS'],
    ],
  ])('every %s is trained', (_kind, names, trained, without) => {
    const lower = (list: readonly string[]): string[] => list.map((name) => name.toLowerCase()).sort();
    expect(lower([...trained, ...without])).toEqual(lower(names));
  });
});
