import { Command } from 'commander';
import { openModel } from './open-model.ts';
import { gather, wholeNumber } from './text.ts';

interface ExportCommandOptions {
  readonly batchSize?: number;
  readonly metadata?: readonly string[];
  readonly externalData?: boolean;
}

export const exportCommand = (): Command =>
  new Command('export')
    .description('write a model as ONNX, for any runtime: inference, in ops of the standard')
    .argument('<model>', 'output folder of tfk train, or a model file of any kind that is read')
    .argument('<output>', 'the .onnx file to write')
    .option('--batch-size <n>', 'fix the batch size; by default it is left open', wholeNumber)
    .option('--metadata <key=text>', 'a text that the file carries along; may be given several times', gather)
    .option('--external-data', 'put large weights into a second file beside, <output>.data')
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
