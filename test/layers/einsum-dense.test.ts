import { expect, test } from '@jest/globals';
import { Random } from '../../src/core/random.ts';
import { dense, einsumDense } from '../../src/layers/index.ts';
import type { Layer } from '../../src/layers/layer.ts';
import { expectClose } from '../helpers/close.ts';
import { runTraced, traceLayer } from '../helpers/layer-cases.ts';
import { normalTensor } from '../helpers/op-samples.ts';

const x = normalTensor(new Random(1), [2, 3, 4]);

function run(layer: Layer): Float64Array {
  const { outputs, feeds } = traceLayer(layer, [x]);
  return runTraced(outputs, feeds)[0]?.data ?? new Float64Array();
}

test.each(['abc,cd->abd', '...c,cd->...d'])('"%s" is a dense layer', (equation) => {
  const plain = dense({ units: 5, activation: 'relu', biasInitializer: 'ones' });
  const expected = run(plain);
  const outputShape = equation.startsWith('.') ? 5 : [null, 5];
  const layer = einsumDense({ equation, outputShape, biasAxes: 'd', activation: 'relu' });
  layer.ensureBuilt([x.shape]);
  layer.setWeights(plain.getWeights());
  expectClose(run(layer), expected, { rtol: 1e-12, atol: 1e-12 }, equation);
});

test.each([
  ['abc,cde->abde', [null, 5, 6], 'e', [4, 5, 6], [6]],
  ['abc,cde->abde', [null, 5, 6], 'd', [4, 5, 6], [5, 1]],
  ['abc,cde->abde', [3, 5, 6], 'be', [4, 5, 6], [3, 1, 6]],
  ['...c,cde->...de', [5, 6], 'de', [4, 5, 6], [5, 6]],
  ['ab...,bd->ad...', 5, 'd', [3, 5], [5, 1]],
])('"%s" with outputShape %j and biasAxes %s', (equation, outputShape, biasAxes, kernel, bias) => {
  const layer = einsumDense({ equation, outputShape, biasAxes });
  layer.ensureBuilt([[null, 3, 4]]);
  expect(layer.weights.map((w) => w.shape)).toEqual([kernel, bias]);
});
