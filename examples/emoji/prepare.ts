import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import * as tfk from 'tfk';
import { shuffled } from '../support/random.ts';

/** Kinds of emoji that a picture tells apart, as `emoji.json` names them. */
const kinds: Readonly<Record<string, string>> = {
  'Animals & Nature': 'nature',
  Flags: 'flags',
  'Food & Drink': 'food',
  'People & Body': 'people',
  'Smileys & Emotion': 'smileys',
  Symbols: 'symbols',
  'Travel & Places': 'places',
};
const side = 96;

interface Emoji {
  readonly image: string;
  readonly category: string;
  readonly has_img_twitter: boolean;
}

/** Writes `train.csv` and `test.csv`, lists of pictures: every fifth of each kind is held out. */
async function writeLists(packages: string, folder: string): Promise<void> {
  const source = resolve(packages, 'emoji-datasource-twitter');
  const all = JSON.parse(await readFile(join(source, 'emoji.json'), 'utf8')) as Emoji[];
  const lines: Record<'train' | 'test', string[]> = { train: [], test: [] };
  for (const [category, kind] of Object.entries(kinds)) {
    const members = all.filter((emoji) => emoji.category === category && emoji.has_img_twitter);
    shuffled(members, 7).forEach(({ image }, i) => {
      lines[i % 5 === 0 ? 'test' : 'train'].push(`${join(source, 'img/twitter/64', image)},${kind}`);
    });
  }
  for (const [part, rows] of Object.entries(lines))
    await writeFile(join(folder, `${part}.csv`), `${['file,label', ...shuffled(rows, 7)].join('\n')}\n`);
}

/** nsfwjs keeps a TensorFlow.js model in JavaScript modules; here it becomes `model.json` with its weights beside it. */
export async function unpackModel(packages: string, folder: string): Promise<string> {
  const require = createRequire(import.meta.url);
  const source = resolve(packages, 'nsfwjs/dist/models/mobilenet_v2');
  const part = 'group1-shard1of1';
  await writeFile(join(folder, 'model.json'), JSON.stringify(require(join(source, 'model.min.js'))));
  await writeFile(join(folder, part), Buffer.from(require(join(source, `${part}.min.js`)), 'base64'));
  return join(folder, 'model.json');
}

/**
 * Writes nets of pictures of 96 x 96 in 0..255, to what the last convolution gives, 3 x 3 x 1280: `untrained.keras`, and
 * `backbone.keras` with the weights of nsfwjs.
 */
async function writeBackbones(packages: string, folder: string): Promise<void> {
  tfk.setRandomSeed(7);
  const pictures = tfk.input({ shape: [side, side, 3] });
  const net = await tfk.applications.mobileNetV2({
    inputShape: [side, side, 3],
    includeTop: false,
    name: 'net',
  });
  for (const layer of net.layers) // with Keras's 0.999 its statistics would not follow in a few hundred steps
    if (layer instanceof tfk.layers.BatchNormalization) layer.options.momentum = 0.9;
  const scaled = tfk.layers.rescaling({ scale: 1 / 255 }).apply(pictures);
  const backbone = tfk.model({ inputs: pictures, outputs: net.apply(scaled), name: 'backbone' });
  await backbone.save(join(folder, 'untrained.keras'), { overwrite: true });
  const taught = await tfk.loadModel(await unpackModel(packages, folder)); // takes 224 x 224 only
  for (const layer of net.layers.slice(1)) layer.setWeights(taught.getLayer(layer.name).getWeights());
  await backbone.save(join(folder, 'backbone.keras'), { overwrite: true });
}

/** Everything that the configs beside this file need. */
export async function prepare(packages: string, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeLists(packages, folder);
  await writeBackbones(packages, folder);
}

if (process.argv[1] === import.meta.filename) {
  const [packages = 'node_modules', folder = 'runs/emoji-data'] = process.argv.slice(2);
  await prepare(packages, folder);
}
