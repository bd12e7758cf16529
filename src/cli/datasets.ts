import { Command } from 'commander';
import type { datasets } from '../index.ts';
import { formatTable } from './table.ts';
import { examples, printJson } from './text.ts';

export const datasetsCommand = (): Command =>
  new Command('datasets')
    .option('--json', 'print one line of JSON')
    .addHelpText(
      'after',
      `${examples(['tfk datasets'], ['tfk datasets --json'])}

A config names them as {"dataset": "mnist", "split": "train"}.`,
    )
    .action(list);

/** A data set as it is listed; `problem` says how to get one that is not there. */
interface Listed {
  readonly name: string;
  readonly source: string;
  readonly train?: string;
  readonly test?: string;
  readonly classes?: readonly string[];
  readonly problem?: string;
}

async function list({ json }: { readonly json?: boolean }): Promise<void> {
  const tfk = await import('../index.ts');
  const listed: Listed[] = [];
  for (const [name, load] of Object.entries(tfk.datasets.datasets)) {
    const source = tfk.datasets.sources[name as keyof typeof tfk.datasets.sources];
    listed.push({ name, source, ...(await look(load)) });
  }
  if (json) return printJson(listed);
  const rows = listed.map(({ name, train, test, classes, source }) => [
    name,
    train ?? '-',
    test ?? '-',
    String(classes?.length ?? '-'),
    source,
  ]);
  console.log(formatTable(['Name', 'Train', 'Test', 'Classes', 'From'], rows));
  for (const { problem } of listed) if (problem !== undefined) console.log(`\n${problem}`);
}

type Load = (typeof datasets.datasets)[keyof typeof datasets.datasets];

async function look(load: Load): Promise<Omit<Listed, 'name' | 'source'>> {
  try {
    const { train, test, classNames } = await load();
    const shape = ({ x }: typeof train): string => `${x.dtype}[${x.shape}]`;
    return { train: shape(train), test: shape(test), ...(classNames && { classes: classNames }) };
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}
