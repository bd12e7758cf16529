import { Command, Option } from 'commander';
import { examples, printJson } from './text.ts';

const modes = ['dynamic-int8', 'static-int8', 'float16', 'int4'] as const;
const methods = ['minmax', 'percentile', 'entropy'] as const;

interface QuantizeCommandOptions {
  readonly mode: (typeof modes)[number];
  readonly calibration: (typeof methods)[number];
  readonly samples: string;
  readonly maxLoss: string;
  readonly data?: string;
  readonly json?: boolean;
}

export const quantizeCommand = (): Command =>
  new Command('quantize')
    .argument('<model>', 'output folder of tfk train, or a model file')
    .argument('<output>', 'the .onnx file to write')
    .addOption(new Option('--mode <mode>', 'how').choices(modes).default('static-int8'))
    .addOption(
      new Option('--calibration <method>', 'ranges of static-int8').choices(methods).default('minmax'),
    )
    .option('--samples <n>', 'training samples that ranges are measured on', '200')
    .option('--max-loss <share>', 'largest loss of accuracy with which the file is written', '0.01')
    .option('--data <config>', 'JSON file whose "data" is used; by default that of the run')
    .option('--json', 'print one line of JSON')
    .addHelpText(
      'after',
      examples(['tfk quantize runs/mnist small.onnx'], ['tfk quantize runs/mnist half.onnx --mode float16']),
    )
    .action(quantize);

async function quantize(from: string, to: string, options: QuantizeCommandOptions): Promise<void> {
  const { loadData, openTrained, readConfig } = await import('../config/index.ts');
  const { ConfigError, quantize: write, Tensor } = await import('../index.ts');
  const { model, config: ofRun } = await openTrained(from);
  const config = options.data === undefined ? ofRun : await readConfig(options.data);
  if (config === undefined) {
    throw new ConfigError('quantize: no data to compare on. Name a config with --data.', {
      argument: 'data',
    });
  }
  const { train, validation, test } = await loadData(config.data);
  const { x, y } = test ?? validation ?? train;
  if (!(x instanceof Tensor && y instanceof Tensor && train.x instanceof Tensor)) {
    throw new ConfigError('quantize: expected a model with one input and one output.', { argument: 'data' });
  }
  const count = Math.min(positive('--samples', options.samples), train.x.shape[0] ?? 0);
  const report = await write(model, to, {
    mode: options.mode,
    calibration: options.calibration,
    maxLoss: positive('--max-loss', options.maxLoss),
    calibrationData: train.x.rows(0, count),
    testData: /^int|^uint/.test(y.dtype) ? { x, y } : { x },
  });
  if (options.json) return printJson({ output: to, ...report });
  const { before, after, loss } = report;
  const row = (name: string, { bytes, milliseconds, accuracy }: typeof before): string =>
    `${name} ${String(bytes).padStart(10)} bytes  ${milliseconds.toFixed(3)} ms${accuracy === undefined ? '' : `  accuracy ${accuracy.toFixed(4)}`}`;
  console.log(`${row('before', before)}\n${row('after ', after)}\nloss ${loss.toFixed(4)}. ${to} written.`);

  function positive(name: string, text: string): number {
    const value = Number(text);
    if (value >= 0 && text.trim() !== '') return value;
    throw new ConfigError(`quantize: ${name}: expected a number of at least 0. Received ${text}.`, {
      argument: name,
    });
  }
}
