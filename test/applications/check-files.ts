// What test/golden/recorder/applications_files.py runs: node .dist/check/test/applications/check-files.js NAME FOLDER
import { join } from 'node:path';
import { readNpy } from '../../src/formats/npy.ts';
import * as tfk from '../../src/index.ts';

type Make = (options: { weights: string; classifierActivation: null }) => Promise<tfk.Functional<tfk.Tensor>>;

const [, , name = '', folder = ''] = process.argv;
const applications: Readonly<Record<string, unknown>> = tfk.applications;
const key = Object.keys(applications).find((other) => other.toLowerCase() === name.toLowerCase()) ?? '';
const picture = await readNpy(join(folder, 'picture.npy'));

const scores = async (model: tfk.Model): Promise<number[]> => {
  const y = (await model.predict(picture)) as tfk.Tensor;
  model.dispose();
  return Array.from(y.data, Number);
};

const h5 = join(folder, 'keras.h5');
const named = await (applications[key] as Make)({ weights: h5, classifierActivation: null });
await named.loadWeights(h5, { byName: true });
const loaded = await tfk.loadModel(join(folder, 'keras.keras'));
await loaded.save(join(folder, 'tfk.keras'));
const result = { parameters: named.countParams(), h5: await scores(named), keras: await scores(loaded) };
process.stdout.write(JSON.stringify(result));
