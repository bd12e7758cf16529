import { Command } from 'commander';
import { formatTable } from './table.ts';
import { examples, formatBytes, formatCount, printJson } from './text.ts';

export const modelsCommand = (): Command =>
  new Command('models')
    .option('--json', 'print one line of JSON')
    .addHelpText(
      'after',
      `${examples(['tfk models'], ['tfk models --json'])}

A program makes them: await tfk.applications.mobileNetV2(). Their weights are random unless it names a file.`,
    )
    .action(list);

async function list({ json }: { readonly json?: boolean }): Promise<void> {
  const { applications } = await import('../index.ts');
  const listed = Object.entries(applications.catalogue).map(([name, { parameters, size }]) => ({
    name,
    parameters,
    input: [size, size, 3],
    bytes: 4 * parameters,
  }));
  if (json) return printJson(listed);
  const rows = listed.map(({ name, parameters, input, bytes }) => [
    name,
    formatCount(parameters),
    input.join(' x '),
    formatBytes(bytes),
  ]);
  console.log(formatTable(['Name', 'Parameters', 'Input', 'Size'], rows));
}
