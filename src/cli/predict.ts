import { Command } from 'commander';
import type { Prediction } from '../config/index.ts';
import { commaList, printJson, wholeNumber } from './text.ts';

interface PredictOptions {
  readonly input: string;
  readonly output?: string;
  readonly features?: readonly string[];
  readonly classes?: boolean;
  readonly batchSize: number;
  readonly json?: boolean;
}

export const predictCommand = (): Command =>
  new Command('predict')
    .description('predict with a saved model')
    .argument('<model>', 'output folder of tfk train, or a .keras file')
    .requiredOption('--input <data>', 'a .npy or .csv file, or a data set as dataset:mnist:test')
    .option('--output <file>', 'write to a .npy, .csv or .json file; by default print a line per sample')
    .option(
      '--features <columns>',
      'columns of the CSV file, with commas; by default those of the run',
      commaList,
    )
    .option('--classes', 'the class of each sample: the largest output (for a single output, above 0.5)')
    .option('--batch-size <n>', 'samples at a time', wholeNumber, 128)
    .option('--json', 'print a list as one line of JSON')
    .action(predict);

async function predict(path: string, options: PredictOptions): Promise<void> {
  const { loadInputs, openTrained, predictedClasses, savePredictions, rowsOf } = await import(
    '../config/index.ts'
  );
  const { ConfigError } = await import('../index.ts');
  const { model, config, classNames, features: prepare } = await openTrained(path);
  const trainedOn = config && 'csv' in config.data.train ? config.data.train : undefined;
  const features = options.features ?? trainedOn?.features;
  const x = await loadInputs(options.input, { features, target: trainedOn?.target, prepare });
  const outputs = await model.predict(x, { batchSize: options.batchSize, verbose: 0 });
  if (Array.isArray(outputs)) {
    throw new ConfigError(
      `predict: the model has ${outputs.length} outputs; tfk predict takes models with one.`,
    );
  }
  const prediction: Prediction = options.classes
    ? { values: predictedClasses(outputs), ...(classNames && { names: classNames }) }
    : { values: outputs };
  if (options.output !== undefined) {
    await savePredictions(options.output, prediction);
    console.error(`${prediction.values.shape[0]} predictions written to ${options.output}.`);
  } else if (options.json) printJson(rowsOf(prediction));
  else
    for (const row of rowsOf(prediction))
      console.log(Array.isArray(row) ? row.flat(Infinity).join(' ') : row);
}
