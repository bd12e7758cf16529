import { Command } from 'commander';
import type { TrainedModel } from '../config/index.ts';
import { commaList, examples, formatMetrics, printJson, wholeNumber } from './text.ts';

interface EvaluateOptions {
  readonly data?: string;
  readonly dataset?: string;
  readonly csv?: string;
  readonly npz?: string;
  readonly target?: string;
  readonly features?: readonly string[];
  readonly batchSize: number;
  readonly json?: boolean;
}

export const evaluateCommand = (): Command =>
  new Command('evaluate')
    .argument('<model>', 'output folder of tfk train, or a .keras file')
    .option('--data <config>', 'JSON file whose "data.test" is used; by default that of the run')
    .option('--dataset <name:split>', 'a data set by name, e.g. mnist:test')
    .option('--csv <file>', 'a CSV file, with --target')
    .option('--npz <file>', 'a NumPy file with arrays x and y')
    .option('--target <column>', 'column of the CSV file to predict')
    .option('--features <columns>', 'columns of the CSV file to predict it from, with commas', commaList)
    .option('--batch-size <n>', 'samples at a time', wholeNumber, 128)
    .option('--json', 'print one line of JSON')
    .addHelpText(
      'after',
      examples(
        ['tfk evaluate runs/mnist', 'on the test data of its config'],
        ['tfk evaluate runs/mnist --dataset mnist:train'],
        ['tfk evaluate runs/iris --csv other.csv --target species'],
      ),
    )
    .action(evaluate);

async function evaluate(path: string, options: EvaluateOptions): Promise<void> {
  const { compileModel, evaluateArguments, openSource, openTrained, withClasses } = await import(
    '../config/index.ts'
  );
  const { ConfigError } = await import('../index.ts');
  const trained = await openTrained(path);
  const { model, config, classNames, features } = trained;
  if (model.compiled === undefined) {
    if (config === undefined) {
      throw new ConfigError(
        `${path} was saved without a loss, so there is nothing to measure. Use tfk predict.`,
      );
    }
    compileModel(model, config);
  }
  const samples = withClasses(await openSource(await chooseSource(options, trained), features), classNames);
  const metrics = await model.evaluate(...evaluateArguments(samples, options.batchSize));
  if (options.json) printJson(metrics);
  else console.log(formatMetrics(metrics));
}

/** The data that the options name, or else the test data of the run. */
async function chooseSource(options: EvaluateOptions, { config }: TrainedModel) {
  const { parseSource, readConfig } = await import('../config/index.ts');
  const { ConfigError } = await import('../index.ts');
  const given = (['data', 'dataset', 'csv', 'npz'] as const).filter((key) => options[key] !== undefined);
  if (given.length > 1) {
    throw new ConfigError(`evaluate: give one of --${given.join(' and --')}.`, {
      argument: given.join(', '),
    });
  }
  const { dataset, csv, npz, target, features } = options;
  if (dataset !== undefined) {
    const [name, split = 'test'] = dataset.split(':');
    return parseSource({ dataset: name, split }, '--dataset');
  }
  if (csv !== undefined) {
    const trainedOn = config && 'csv' in config.data.train ? config.data.train : undefined;
    const columns = features ?? trainedOn?.features;
    return parseSource(
      { csv, target: target ?? trainedOn?.target, ...(columns && { features: columns }) },
      '--csv',
    );
  }
  if (npz !== undefined) return parseSource({ npz }, '--npz');
  const from = options.data === undefined ? config : await readConfig(options.data);
  if (from?.data.test) return from.data.test;
  throw new ConfigError('evaluate: no test data. Name some with --data, --dataset, --csv or --npz.', {
    argument: 'data',
  });
}
