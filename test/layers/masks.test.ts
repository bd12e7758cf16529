import { describe, expect, test } from '@jest/globals';
import { graphToKeras } from '../../src/formats/keras-graph.ts';
import { toJson } from '../../src/formats/keras-json.ts';
import { modelFromKeras, modelToKeras } from '../../src/formats/keras-model.ts';
import { ConfigError, input, layers, model, ShapeError, type Tensor, tensor } from '../../src/index.ts';
import { input as leaf, type Value } from '../../src/ir/graph.ts';
import type { Layer } from '../../src/layers/layer.ts';
import { maskOf, withMask } from '../../src/layers/masks.ts';
import { Trace, withTrace } from '../../src/layers/trace.ts';

const sequence = (): Value => leaf('x', { dtype: 'float32', shape: [2, 3, 4] });
const steps = (): Value => leaf('mask', { dtype: 'bool', shape: [2, 3] });
const call = (layer: Layer, x: Value, tensors: Record<string, readonly Value[]> = {}): Value =>
  withTrace(new Trace(false), () => layer.invoke([x], { training: false, tensors })[0] as Value);

describe('masks', () => {
  test('a layer that returns its input neither leaks nor takes away a mask', () => {
    const mask = steps();
    const x = withMask(sequence(), mask);
    const cropped = call(layers.cropping1d({ cropping: 0 }), x);
    expect(maskOf(cropped)).toBeUndefined();
    expect(maskOf(x)).toBe(mask);
    expect(call(layers.dropout({ rate: 0.5 }), x)).toBe(x);

    const bare = sequence();
    const all = leaf('all', { dtype: 'bool', shape: [2, 3, 4] });
    expect(maskOf(call(layers.softmax(), bare, { mask: [all] }))).toBeDefined();
    expect(maskOf(bare)).toBeUndefined();
  });

  test('survive the conversion of inputs and nested models', () => {
    const p = input({ shape: [3, 4] });
    const inner = model({ inputs: p, outputs: layers.dense({ units: 2 }).apply(p) });
    const words = input({ shape: [3], dtype: 'int32' });
    const embedded = layers.embedding({ inputDim: 5, outputDim: 4, maskZero: true }).apply(words);
    const outer = model({ inputs: words, outputs: inner.apply(embedded) });
    expect(maskOf(call(outer, leaf('w', { dtype: 'int32', shape: [2, 3] })))).toBeDefined();
    expect(
      maskOf(
        call(layers.dense({ units: 1 }), withMask(leaf('i', { dtype: 'int32', shape: [2, 3, 4] }), steps())),
      ),
    ).toBeDefined();
  });

  test('of another rank than batch normalization can use are refused', () => {
    const layer = layers.batchNormalization();
    const x = withMask(leaf('x', { dtype: 'float32', shape: [2, 3, 4, 1] }), steps());
    const run = (): unknown => withTrace(new Trace(true), () => layer.invoke([x], { training: true }));
    expect(run).toThrow(ShapeError);
  });
});

describe('arguments of calls', () => {
  const x = input({ shape: [3, 4], name: 'x' });
  const heads = { numHeads: 2, keyDim: 2 };

  test.each([
    [{ useCausalMasks: true }, 'Did you mean "useCausalMask"'],
    [{ useCausalMask: x }, 'expected true or false'],
    [{ attentionMask: true }, 'expected a symbolic tensor'],
    [{ attentionMask: [x, x] }, 'expected a symbolic tensor'],
  ])('%j is refused', (args, message) => {
    const apply = (): unknown => layers.multiHeadAttention(heads).apply([x, x], args);
    expect(apply).toThrow(ConfigError);
    expect(apply).toThrow(message);
  });

  test('a layer that takes none says so', () => {
    expect(() => layers.dense({ units: 1 }).apply(x, { mask: x })).toThrow('It takes none.');
  });

  test('are written as keyword arguments of Keras, and read back', () => {
    const seen = input({ shape: [3, 3], dtype: 'bool', name: 'seen' });
    const counted = input({ shape: [3], dtype: 'bool', name: 'counted' });
    const args = { attentionMask: seen, useCausalMask: true, returnAttentionScores: true };
    const [y] = layers.multiHeadAttention({ ...heads, name: 'heads' }).applyMulti([x, x], args);
    const z = layers.attention({ name: 'pair' }).apply([y ?? x, x], { valueMask: counted });
    const made = model({ inputs: [x, seen, counted], outputs: z });
    const { inboundNodes } = graphToKeras(made);
    const [many] = inboundNodes.get(made.getLayer('heads')) as [{ args: unknown[]; kwargs: object }];
    expect(many.args.length).toBe(2);
    expect(many.kwargs).toMatchObject({
      use_causal_mask: true,
      return_attention_scores: true,
      attention_mask: { config: { keras_history: ['seen', 0, 0] } },
    });
    const [listed] = inboundNodes.get(made.getLayer('pair')) as [{ kwargs: object }];
    expect(listed.kwargs).toMatchObject({ mask: [null, { config: { keras_history: ['counted', 0, 0] } }] });

    const json: unknown = JSON.parse(toJson(modelToKeras(made)));
    const again = modelFromKeras(json, { file: 'x.keras', customObjects: {}, shared: new Map() });
    expect(JSON.parse(toJson(modelToKeras(again)))).toEqual(json);
  });

  test('attention refuses masks and inputs that do not fit', () => {
    const short = input({ shape: [3], dtype: 'bool' });
    const layer = layers.multiHeadAttention(heads);
    expect(() => layer.apply([x, x], { attentionMask: short })).toThrow(ShapeError);
    const flat = input({ shape: [], dtype: 'bool' });
    expect(() => layer.apply([x, x], { attentionMask: flat })).toThrow(ShapeError);
    const other = input({ shape: [2, 4] });
    expect(() => layers.multiHeadAttention(heads).apply([x, x, other])).toThrow('value and key must agree');
    const grouped = { headDim: 2, numQueryHeads: 3, numKeyValueHeads: 2 };
    expect(() => layers.groupedQueryAttention(grouped)).toThrow('multiple of numKeyValueHeads');
  });
});

describe('positions', () => {
  test('sines and cosines of falling frequency', () => {
    const layer = layers.sinePositionEncoding({ maxWavelength: 100 });
    const y = call(layer, sequence());
    expect(y.shape).toEqual([2, 3, 4]);
  });

  test('a sequence longer than the trained positions is refused', () => {
    expect(() => call(layers.positionEmbedding({ sequenceLength: 2 }), sequence())).toThrow(
      'expected at most 2 steps',
    );
    const long = input({ shape: [3, 4] });
    expect(() => layers.positionEmbedding({ sequenceLength: 2 }).apply(long)).toThrow(
      'expected at most 2 steps',
    );
  });

  test('trained ones take sequences of any length up to theirs', async () => {
    const x = input({ shape: [null, 2] });
    const places = layers.positionEmbedding({ sequenceLength: 3 });
    const made = model({ inputs: x, outputs: layers.add().apply([x, places.apply(x)]) });
    expect(made.outputs[0]?.shape).toEqual([null, null, 2]);
    places.setWeights([tensor(Float32Array.of(1, 2, 3, 4, 5, 6), [3, 2])]);
    const zeros = (time: number): Tensor => tensor(new Float32Array(2 * time), [1, time, 2]);
    expect((await made.predict(zeros(1))).array()).toEqual([[[1, 2]]]);
    expect((await made.predict(zeros(3))).data).toEqual(Float32Array.of(1, 2, 3, 4, 5, 6));
    await expect(made.predict(zeros(4))).rejects.toThrow('expected at most 3 steps');
  });
});
