import { basename, resolve } from 'node:path';
import { Command } from 'commander';
import { readRun } from './report-data.ts';
import { type ReportedRun, reportPage } from './report-page.ts';
import { counted, examples } from './text.ts';

export const reportCommand = (): Command =>
  new Command('report')
    .argument('<run...>', 'output folders of tfk train')
    .option('--output <file>', 'where to write the page', 'report.html')
    .addHelpText(
      'after',
      `
One page that needs no network: curves, figures and settings of the runs, and of each its network. Classifiers with
data that they were not trained on get a table of which class was taken for which, and their worst mistakes. Histograms
of weights and gradients are there where the callback "histograms" recorded them, timings after tfk train --profile.
${examples(['tfk report runs/small runs/large --output report.html'], ['tfk report runs/sweep/trial-*'])}`,
    )
    .action(report);

async function report(folders: readonly string[], { output }: { readonly output: string }): Promise<void> {
  const { writeText } = await import('../config/index.ts');
  const runs: ReportedRun[] = [];
  const names = folders.map((folder) => basename(resolve(folder)));
  const sameNames = new Set(names).size < names.length;
  for (const [i, folder] of folders.entries())
    runs.push(await readRun(folder, sameNames ? folder : (names[i] as string)));
  await writeText(output, reportPage(runs));
  for (const { name, missing = [] } of runs)
    for (const reason of missing) console.error(`tfk: ${name}: not shown: ${reason}`);
  console.log(`${counted(runs.length, 'run')} reported in ${output}.`);
}
