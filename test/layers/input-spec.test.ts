import { describe, expect, test } from '@jest/globals';
import { type CallOptions, input, Layer, layers, ops, type Value, type Values } from '../../src/index.ts';

class Checked extends Layer {
  static override readonly className = 'Checked';
  override inputSpec: NonNullable<Layer['inputSpec']>;

  constructor(spec: NonNullable<Layer['inputSpec']>) {
    super({});
    this.inputSpec = spec;
  }

  call([x]: Values, _options: CallOptions): Value {
    return ops.mul(x, 2);
  }
}

type Options = Parameters<typeof layers.inputSpec>[0];
const applied =
  (options: Options, shape: readonly (number | null)[], dtype: 'float32' | 'int32' = 'float32') =>
  () =>
    new Checked(layers.inputSpec(options)).apply(input({ shape: [...shape], dtype }));

// each as keras.layers.InputSpec takes or refuses it; shapes are without the batch
describe('inputSpec', () => {
  const fitting: readonly [Options, (number | null)[]][] = [
    [{ ndim: 3 }, [4, 5]],
    [{ minNdim: 2, maxNdim: 4 }, [4, 5, 6]],
    [{ axes: { '-1': 5 } }, [4, 5]],
    [{ axes: { '-1': 5 } }, [4, null]],
    [{ axes: { 1: 4, '-1': null } }, [4, 7]],
    [{ shape: [null, 28, 28, 1] }, [28, 28, 1]],
    [{ shape: [null, 28, 28, 1], allowLastAxisSqueeze: true }, [28, 28]],
    [{ shape: [null, 28, 28], allowLastAxisSqueeze: true }, [28, 28, 1]],
    [{ dtype: 'float32' }, [2]],
    [{ shape: [null, null, 3] }, [null, 3]],
  ];
  test.each(fitting)('%j takes %j', (options, shape) => {
    expect(applied(options, shape)).not.toThrow();
  });

  const refused: readonly [Options, (number | null)[], string][] = [
    [{ ndim: 3 }, [4], 'expected 3 axes. Received shape [?,4]'],
    [{ minNdim: 3 }, [4], 'expected at least 3 axes'],
    [{ maxNdim: 2 }, [4, 5], 'expected at most 2 axes'],
    [{ axes: { '-1': 5 } }, [4, 6], 'expected size 5 of axis -1'],
    [{ shape: [null, 28, 28, 1] }, [28, 27, 1], 'expected shape [?,28,28,1]'],
    [{ shape: [null, 28, 28, 1] }, [28, 28], 'expected 4 axes'],
    [{ dtype: 'int32' }, [2], 'expected int32. Received float32'],
    [{ ndim: 3, name: 'image' }, [4], 'input image: expected 3 axes'],
  ];
  test.each(refused)('%j refuses %j', (options, shape, message) => {
    expect(applied(options, shape)).toThrow(message);
  });

  test('of several inputs is one for each', () => {
    const layer = new Checked([layers.inputSpec({ ndim: 2 }), null]);
    expect(() => layer.apply([input({ shape: [2] })])).toThrow('takes 2 inputs');
  });

  test('is refused where axes are beyond the shape', () => {
    expect(() => layers.inputSpec({ ndim: 2, axes: { 2: 4 } })).toThrow('below 2');
  });
});
