import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { input, layers, loadModel, sequential, setRandomSeed } from '../../src/index.ts';
import { expectClose } from '../helpers/close.ts';
import { callTfk } from './run-tfk.ts';

const folder = mkdtempSync(join(tmpdir(), 'tfk-cached-'));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);

/** `tfk train` of a new head on a frozen body. */
function train(name: string, model: object): ReturnType<typeof callTfk> {
  const rest = { units: 3, type: 'dense', name: 'kinds', activation: 'softmax' };
  const source = (part: string) => ({ csv: resolve(`examples/iris/${part}.csv`), target: 'species' });
  const config = {
    seed: 3,
    model: { from: at('base.keras'), cutAt: 'body', freeze: ['body'], head: [rest], ...model },
    data: { train: source('train'), validationSplit: 0.2, test: source('test') },
    compile: { optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] },
    fit: { epochs: 3 },
    output: at(name),
  };
  writeFileSync(at(`${name}.json`), JSON.stringify(config));
  return callTfk('train', at(`${name}.json`), '--json');
}

/** What a run came to: its figures, and the kernel of the head. */
async function trained(name: string, model: object) {
  const { code, stdout, stderr } = await train(name, model);
  expect([code, stderr]).toEqual([0, '']);
  const { test: figures, validation } = JSON.parse(stdout) as Record<string, Record<string, number>>;
  const kernel = (await loadModel(join(at(name), 'model.keras'))).getWeights().at(-2);
  return {
    figures: Object.values({ ...figures, ...validation }),
    kernel: Array.from(kernel?.data ?? [], Number),
  };
}

test('frozen layers that run once per sample: the same training, and the whole model is saved', async () => {
  setRandomSeed(3);
  const base = sequential([
    input({ shape: [4] }),
    layers.dense({ units: 8, name: 'body' }),
    layers.dense({ units: 1 }),
  ]);
  await base.save(at('base.keras'));
  const [plain, cached] = [await trained('plain', {}), await trained('cached', { cacheFeatures: true })];
  const close = { rtol: 1e-5, atol: 1e-6 };
  expect(plain.kernel).toHaveLength(24);
  expectClose(cached.kernel, plain.kernel, close, 'kernel');
  expectClose(cached.figures, plain.figures, close, 'figures');
});

test('without anything frozen it is refused', async () => {
  const { code, stderr } = await train('free', { cacheFeatures: true, freeze: [] });
  expect(code).not.toBe(0);
  expect(stderr).toMatch(/splitFrozen found no frozen part/);
});
