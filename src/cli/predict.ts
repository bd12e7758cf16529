import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text as readAll } from 'node:stream/consumers';
import { Command, Option } from 'commander';
import type { LineFormat, Prediction } from '../config/index.ts';
import { commaList, examples, printJson, wholeNumber } from './text.ts';

interface PredictOptions {
  readonly input: string;
  readonly output?: string;
  readonly format: LineFormat;
  readonly features?: readonly string[];
  readonly classes?: boolean;
  readonly batchSize: number;
  readonly json?: boolean;
}

export const predictCommand = (): Command =>
  new Command('predict')
    .argument('<model>', 'output folder of tfk train, or a .keras file')
    .requiredOption(
      '--input <data>',
      'a .npy, .csv, .parquet or .jsonl file, a picture or a folder of them, a data set as dataset:mnist:test, or - for CSV or JSON lines from standard input',
    )
    .option(
      '--output <file>',
      'write to a .npy, .csv, .jsonl or .json file; by default print a line per sample',
    )
    .addOption(
      new Option('--format <lines>', 'what is printed').choices(['csv', 'jsonl', 'text']).default('text'),
    )
    .option(
      '--features <columns>',
      'columns of the CSV file, with commas; by default those of the run',
      commaList,
    )
    .option('--classes', 'the class of each sample: the largest output (for a single output, above 0.5)')
    .option('--batch-size <n>', 'samples at a time', wholeNumber, 128)
    .option('--json', 'print a list as one line of JSON')
    .addHelpText(
      'after',
      examples(
        ['tfk predict runs/iris --input new.csv --classes --output classes.csv'],
        ['cat new.jsonl | tfk predict runs/iris --input - --format jsonl'],
        ['tfk predict runs/mnist --input dataset:mnist:test --output scores.npy'],
      ),
    )
    .action(predict);

async function predict(path: string, options: PredictOptions): Promise<void> {
  const { linesOf, loadInputs, openTrained, predictedClasses, savePredictions, rowsOf } = await import(
    '../config/index.ts'
  );
  const { ConfigError } = await import('../index.ts');
  const { model, config, classNames, features: prepare } = await openTrained(path);
  const trainedOn = config && 'csv' in config.data.train ? config.data.train : undefined;
  const pictures = config && 'images' in config.data.train ? config.data.train : undefined;
  const features = options.features ?? trainedOn?.features;
  const columns = { features, target: trainedOn?.target, prepare, pictures };
  const x = await withFile(options.input, (file) => loadInputs(file, columns, options.batchSize));
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
  else for (const line of linesOf(prediction, options.format)) console.log(line);
}

/** Lends the file that is named; standard input as a file, whose first character tells JSON lines from CSV. */
async function withFile<T>(input: string, use: (file: string) => Promise<T>): Promise<T> {
  if (input !== '-') return use(input);
  const content = await readAll(process.stdin);
  const folder = await mkdtemp(join(tmpdir(), 'tfk-input-'));
  try {
    const file = join(folder, /^\s*[[{]/.test(content) ? 'stdin.jsonl' : 'stdin.csv');
    await writeFile(file, content);
    return await use(file);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
