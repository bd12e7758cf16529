import { Command } from 'commander';
import { examples } from './text.ts';

export const schemaCommand = (): Command =>
  new Command('schema')
    .option('--output <file>', 'write it to a file')
    .addHelpText(
      'after',
      examples(
        ['tfk schema --output schema.json', 'then "$schema": "./schema.json" in a config'],
        ['tfk schema | npx ajv-cli validate -s /dev/stdin -d train.json', 'any validator takes it'],
      ),
    )
    .action(schema);

async function schema({ output }: { readonly output?: string }): Promise<void> {
  const { configJsonSchema, writeJson } = await import('../config/index.ts');
  if (output === undefined) return console.log(JSON.stringify(configJsonSchema(), null, 1));
  await writeJson(output, configJsonSchema());
  console.error(`${output} written.`);
}
