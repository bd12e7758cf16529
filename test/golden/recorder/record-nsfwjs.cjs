// nsfwjs.json: what TensorFlow.js predicts with the MobileNetV2 of nsfwjs for 32 made-up pictures. By hand:
//   node record-nsfwjs.cjs NODE_MODULES_OF_TFJS NODE_MODULES_OF_NSFWJS ../nsfwjs.json
const { writeFileSync } = require('node:fs');
const { join } = require('node:path');
const [, , tensorflow, packages, out] = process.argv;
const tf = require(join(tensorflow, '@tensorflow/tfjs'));
require(join(tensorflow, '@tensorflow/tfjs-backend-wasm'));
const folder = join(packages, 'nsfwjs/dist/models/mobilenet_v2');
const { modelTopology, weightsManifest } = require(join(folder, 'model.min.js'));
const weights = Buffer.from(require(join(folder, 'group1-shard1of1.min.js')), 'base64');

/** Picture n of 224 x 224: shades in 0..1 that float32 holds exactly. */
const picture = (n) =>
  Float32Array.from({ length: 224 * 224 * 3 }, (_, i) => {
    const [row, column, channel] = [Math.floor(i / 672), Math.floor(i / 3) % 224, i % 3];
    return ((row * (n + 3) + column * (2 * n + 1) + channel * 50 + ((row * column * n) >> 4)) % 256) / 256;
  });

void (async () => {
  await tf.setBackend('wasm');
  const model = await tf.loadLayersModel(
    tf.io.fromMemory({
      modelTopology,
      weightSpecs: weightsManifest.flatMap((group) => group.weights),
      weightData: weights.buffer.slice(weights.byteOffset, weights.byteOffset + weights.length),
    }),
  );
  const outputs = Array.from({ length: 32 }, (_, n) => {
    const y = model.predict(tf.tensor(picture(n), [1, 224, 224, 3]));
    return [...y.dataSync()].map((value) => Number(value.toPrecision(7)));
  });
  writeFileSync(out, `[\n${outputs.map((row) => JSON.stringify(row)).join(',\n')}\n]\n`);
})();
