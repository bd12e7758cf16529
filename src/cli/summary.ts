import { Command } from 'commander';
import type { Config } from '../config/index.ts';
import type { Model } from '../index.ts';
import { printJson } from './text.ts';

export const summaryCommand = (): Command =>
  new Command('summary')
    .description('show the layers of a model, their shapes and parameter counts')
    .argument('<model>', 'output folder of tfk train, a .keras file, or a JSON config')
    .option('--json', 'print one line of JSON')
    .action(summary);

async function summary(path: string, { json }: { readonly json?: boolean }): Promise<void> {
  const { openTrained, readConfig } = await import('../config/index.ts');
  const model = path.endsWith('.json')
    ? await modelOf(await readConfig(path))
    : (await openTrained(path)).model;
  if (!json) {
    console.log(model.summary({ print: null }));
    return;
  }
  const layers = model.layers.map((layer) => ({
    name: layer.name,
    type: layer.className,
    outputs: layer.calls.at(-1)?.outputs.map((y) => y.shape) ?? [],
    params: layer.countParams(),
    trainable: layer.trainable,
  }));
  const trainable = model.trainableWeights.reduce((n, w) => n + w.storage.size, 0);
  printJson({ name: model.name, params: model.countParams(), trainableParams: trainable, layers });
}

/** The model of a config, built; the data is read for the shapes of its samples. */
async function modelOf(config: Config): Promise<Model> {
  const { buildModel, loadSource, sampleShapes } = await import('../config/index.ts');
  return buildModel(config.model, sampleShapes((await loadSource(config.data.train)).x));
}
