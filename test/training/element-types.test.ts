import { expect, test } from '@jest/globals';
import { DtypeError } from '../../src/errors.ts';
import {
  type DType,
  initializers,
  input,
  Layer,
  ops,
  sequential,
  type Value,
  type Values,
} from '../../src/index.ts';
import { quiet } from '../helpers/small-models.ts';

/** `w x`, with a count that is no float beside. */
function layerWith(dtype: DType, trainable: boolean): Layer {
  class Counted extends Layer {
    static override readonly className = 'Counted';
    override build(): void {
      const initializer = initializers.ones();
      this.addWeight('w', [], { initializer });
      this.addWeight('count', [2], { initializer, dtype, trainable });
    }
    call([x]: Values): Value {
      const [w, count] = this.weights.map((weight) => weight.value) as [Value, Value];
      return ops.mul(ops.mul(x, w), ops.reduceSum(ops.cast(count, 'float32')));
    }
  }
  return new Counted({});
}

function compiled(dtype: DType, trainable: boolean) {
  const model = sequential([input({ shape: [1] }), layerWith(dtype, trainable)]);
  model.compile({ optimizer: { type: 'sgd', learningRate: 0.1 }, loss: 'mse' });
  return model;
}

test.each(['int32', 'int64', 'float64', 'bool'] as const)('weights of %s stay as they are', async (dtype) => {
  const model = compiled(dtype, false);
  const before = model.getWeights()[1];
  await model.fit([[1]], [4], quiet); // the slope of (2 w - 4)^2 at 1 is -8
  expect(model.getWeights()[1]).toEqual(before);
  expect(model.getWeights()[0]?.data[0]).toBeCloseTo(1.8, 5);
  model.dispose();
});

test('training one that is not float32 is refused', async () => {
  await expect(compiled('float64', true).fit([[1]], [4], quiet)).rejects.toThrow(DtypeError);
});
