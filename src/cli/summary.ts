import { Command } from 'commander';
import type { Model, ModelCost } from '../index.ts';
import { describedModel } from './open-model.ts';
import { examples, formatBytes, formatCount, printJson, wholeNumber } from './text.ts';

interface SummaryCommandOptions {
  readonly batchSize: number;
  readonly json?: boolean;
}

export const summaryCommand = (): Command =>
  new Command('summary')
    .argument('<model>', 'output folder of tfk train, a model file, or a JSON config')
    .option('--batch-size <n>', 'samples at a time, for operations and memory', wholeNumber, 1)
    .option('--json', 'print one line of JSON')
    .addHelpText(
      'after',
      `
Operations are multiplications and additions of matrix products, convolutions, recurrent cells and elementwise ops.
Memory is what tensors take; kernels need some more.
${examples(['tfk summary runs/digits'], ['tfk summary train.json --batch-size 32'])}`,
    )
    .action(summary);

async function summary(path: string, { batchSize, json }: SummaryCommandOptions): Promise<void> {
  const { costOf } = await import('../index.ts');
  const model = await describedModel(path);
  const cost = hasOpenSizes(model) ? undefined : costOf(model, batchSize);
  if (!json) {
    console.log(model.summary({ print: null }));
    if (cost) console.log(costLines(cost));
    return;
  }
  const layers = model.layers.map((layer) => ({
    name: layer.name,
    type: layer.className,
    outputs: layer.calls.at(-1)?.outputs.map((y) => y.shape) ?? [],
    params: layer.countParams(),
    trainable: layer.trainable,
  }));
  const trainableParams = model.trainableWeights.reduce((n, w) => n + w.storage.size, 0);
  printJson({
    name: model.name,
    params: model.countParams(),
    trainableParams,
    ...(cost && { cost }),
    layers,
  });
}

/** Of other models it depends on the data what they take. */
const hasOpenSizes = (model: Model): boolean =>
  model.inputs.length === 0 || model.inputs.some(({ shape }) => shape.slice(1).includes(null));

const costLines = ({ batchSize, flops, weights, predicting, training }: ModelCost): string =>
  [
    ` For a batch of ${batchSize}:`,
    `   operations of a prediction: ${formatCount(flops)}FLOP`,
    `   memory to predict: ${formatBytes(weights + predicting)}`,
    `   memory to train: ${formatBytes(weights + training)}, without the optimizer's state`,
  ].join('\n');
