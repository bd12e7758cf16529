// tfjs.json: small models saved by TensorFlow.js, with what it predicts. By hand:
//   node record-tfjs.cjs PATH_TO_@tensorflow/tfjs ../tfjs.json
const { writeFileSync } = require('node:fs');
const [, , path, out] = process.argv;
const tf = require(path);
const L = tf.layers;

function convnet() {
  const model = tf.sequential();
  model.add(
    L.conv2d({
      inputShape: [6, 6, 2],
      filters: 3,
      kernelSize: 3,
      activation: 'relu',
      kernelRegularizer: tf.regularizers.l2({ l2: 0.01 }),
    }),
  );
  model.add(L.batchNormalization());
  model.add(L.depthwiseConv2d({ kernelSize: 2, padding: 'same', useBias: false }));
  model.add(L.flatten());
  model.add(L.dense({ units: 2, activation: 'softmax' }));
  return model;
}

function wired() {
  const x = tf.input({ shape: [4] });
  const shared = L.dense({ units: 4, activation: 'tanh' });
  const inner = tf.sequential({ layers: [L.dense({ units: 4, inputShape: [4] }), L.reLU({ maxValue: 6 })] });
  const a = shared.apply(x);
  const b = shared.apply(inner.apply(a));
  return tf.model({ inputs: x, outputs: [L.dense({ units: 2 }).apply(L.add().apply([a, b])), b] });
}

const numbers = (size, seed) =>
  Float32Array.from({ length: size }, (_, i) => (((i + seed) * 7919) % 1000) / 500 - 0.9);

/** Weights stored as whole numbers: w = q * scale + min. */
function quantize(specs, data, dtype) {
  const parts = [];
  let at = 0;
  const quantized = specs.map((spec) => {
    const size = spec.shape.reduce((a, b) => a * b, 1);
    const values = new Float32Array(data, 4 * at, size);
    at += size;
    const min = Math.min(...values);
    const scale = (Math.max(...values) - min || 1) / (dtype === 'uint8' ? 255 : 65535);
    const Type = dtype === 'uint8' ? Uint8Array : Uint16Array;
    parts.push(Buffer.from(Type.from(values, (v) => Math.round((v - min) / scale)).buffer));
    return { ...spec, quantization: { dtype, scale, min } };
  });
  const all = Buffer.concat(parts);
  return { specs: quantized, data: all.buffer.slice(all.byteOffset, all.byteOffset + all.length) };
}

async function record(name, make, shape, dtype) {
  const model = make();
  model.setWeights(model.getWeights().map((w, i) => tf.tensor(numbers(w.size, i), w.shape).abs().mul(0.3)));
  let saved;
  await model.save(
    tf.io.withSaveHandler(async (artifacts) => {
      saved = artifacts;
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
    }),
  );
  let [specs, data] = [saved.weightSpecs, saved.weightData];
  if (dtype) ({ specs, data } = quantize(specs, data, dtype));
  const loaded = await tf.loadLayersModel(
    tf.io.fromMemory({ modelTopology: saved.modelTopology, weightSpecs: specs, weightData: data }),
  );
  const size = shape.reduce((a, b) => a * b, 1);
  const x = tf.tensor(numbers(2 * size, 5), [2, ...shape]);
  const outputs = [].concat(loaded.predict(x)).map((y) => ({ shape: y.shape, data: [...y.dataSync()] }));
  const json = {
    format: 'layers-model',
    modelTopology: saved.modelTopology,
    weightsManifest: [{ paths: ['w.bin'], weights: specs }],
  };
  return {
    name,
    json,
    weights: Buffer.from(data).toString('base64'),
    input: { shape: [2, ...shape], data: [...x.dataSync()] },
    outputs,
  };
}

void (async () => {
  const models = [
    await record('convnet', convnet, [6, 6, 2]),
    await record('convnet uint8', convnet, [6, 6, 2], 'uint8'),
    await record('convnet uint16', convnet, [6, 6, 2], 'uint16'),
    await record('wired', wired, [4]),
  ];
  writeFileSync(out, `${JSON.stringify(models)}\n`);
})();
