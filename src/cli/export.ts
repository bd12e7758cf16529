import { Command } from 'commander';
import { openModel } from './open-model.ts';
import { examples, gather, wholeNumber } from './text.ts';

interface ExportCommandOptions {
  readonly batchSize?: number;
  readonly metadata?: readonly string[];
  readonly externalData?: boolean;
}

export const exportCommand = (): Command =>
  new Command('export')
    .argument('<model>', 'output folder of tfk train, or a model file of any kind that is read')
    .argument('<output>', 'the .onnx file to write')
    .option('--batch-size <n>', 'fix the batch size; by default it is left open', wholeNumber)
    .option('--metadata <key=text>', 'a text that the file carries along; may be given several times', gather)
    .option('--external-data', 'put large weights into a second file beside, <output>.data')
    .addHelpText(
      'after',
      examples(
        ['tfk export runs/mnist mnist.onnx'],
        ['tfk export runs/mnist mnist.onnx --batch-size 1 --metadata author=me'],
      ),
    )
    .action(exportModel);

async function exportModel(from: string, to: string, options: ExportCommandOptions): Promise<void> {
  const { ConfigError } = await import('../index.ts');
  const metadata = (options.metadata ?? []).map((pair) => {
    const [, key, text] = /^([^=]+)=(.*)$/s.exec(pair) ?? [];
    if (key !== undefined && text !== undefined) return [key, text] as const;
    throw new ConfigError(`export: --metadata: expected key=text. Received ${pair}.`, {
      argument: 'metadata',
    });
  });
  const model = await openModel(from);
  await model.export(to, {
    batchSize: options.batchSize ?? null,
    metadata: Object.fromEntries(metadata),
    ...(options.externalData && { externalData: true }),
  });
  console.error(`${to} written.`);
}
