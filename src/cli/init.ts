import { join, relative, resolve } from 'node:path';
import { Command, Option } from 'commander';
import { OutputExistsError } from './exit.ts';
import { type Answers, kinds, type Project, projectOf } from './init-project.ts';
import { examples } from './text.ts';

interface InitOptions extends Partial<Answers> {
  readonly force?: boolean;
}

export const initCommand = (): Command =>
  new Command('init')
    .argument('[folder]', 'where to write train.json and README.md', '.')
    .addOption(new Option('--kind <kind>', 'what the model learns from').choices(kinds))
    .option(
      '--data <path>',
      'CSV file of texts or a table, or folder with a folder of pictures for each class',
    )
    .option('--target <column>', 'column of the CSV file to predict')
    .option('--text <column>', 'column of the CSV file with the texts')
    .option('--force', 'replace files that are there')
    .addHelpText(
      'after',
      `
Asks for what is not given, where there is a terminal. What it writes can be trained at once.
${examples(
  ['tfk init', 'asks'],
  ['tfk init digits --kind digits'],
  ['tfk init flowers --kind images --data photos'],
  ['tfk init spam --kind text --data mails.csv --text body --target label'],
  ['tfk init houses --kind table --data houses.csv --target price'],
)}`,
    )
    .action(init);

async function init(folder: string, options: InitOptions): Promise<void> {
  const { exists, makeFolder, writeJson, writeText } = await import('../config/index.ts');
  const answers = await ask(options);
  if (answers === undefined) return;
  const paths = { config: join(folder, 'train.json'), readme: join(folder, 'README.md') };
  for (const path of Object.values(paths))
    if (!options.force && (await exists(path)))
      throw new OutputExistsError(`${path} exists already. --force replaces it.`);
  const data = answers.data && relative(resolve(folder), resolve(answers.data));
  const project: Project = await projectOf(answers, data);
  await makeFolder(folder);
  await writeJson(paths.config, project.config);
  await writeText(paths.readme, project.readme);
  console.log(`${paths.config} and ${paths.readme} written. Now: tfk train ${paths.config}`);
}

/** What is not given is asked for; `undefined` when the questions were broken off. */
async function ask(given: InitOptions): Promise<Answers | undefined> {
  const { ConfigError } = await import('../index.ts');
  const needed = (kind: Answers['kind'] | undefined): readonly (keyof Answers)[] =>
    kind === undefined
      ? ['kind']
      : ({ digits: [], images: ['data'], text: ['data', 'text', 'target'], table: ['data', 'target'] }[
          kind
        ] as (keyof Answers)[]);
  const missing = needed(given.kind).filter((key) => given[key] === undefined);
  if (missing.length === 0) return given as Answers;
  if (!process.stdin.isTTY || !process.stdout.isTTY) {
    throw new ConfigError(
      `init: there is no terminal to ask on. Give ${missing.map((key) => `--${key}`).join(' and ')}.`,
      { argument: missing.join(', ') },
    );
  }
  const prompts = await import('@clack/prompts');
  prompts.intro('tfk init');
  const answers: Record<string, string> = { ...(given as Record<string, string>) };
  for (
    let key = missing[0];
    key !== undefined;
    key = needed(answers.kind as Answers['kind']).find((k) => !answers[k])
  ) {
    const answer = await question(prompts, key, answers);
    if (typeof answer === 'symbol') {
      prompts.cancel('Nothing was written.');
      return undefined;
    }
    answers[key] = answer;
  }
  return answers as unknown as Answers;
}

type Prompts = typeof import('@clack/prompts');

async function question(
  prompts: Prompts,
  key: keyof Answers,
  answers: Readonly<Record<string, string>>,
): Promise<string | symbol> {
  if (key === 'kind') {
    return prompts.select<string>({
      message: 'What does the model learn from?',
      options: [
        { value: 'digits', label: 'digits', hint: 'handwritten, to try tfk; needs nothing' },
        { value: 'images', label: 'images', hint: 'a folder of pictures for each class' },
        { value: 'text', label: 'text', hint: 'a CSV file with texts and their classes' },
        { value: 'table', label: 'table', hint: 'a CSV file; predicts one column from the others' },
      ],
    });
  }
  if (key === 'data') {
    return prompts.path({
      message: answers.kind === 'images' ? 'Which folder has the pictures?' : 'Which CSV file?',
      directory: answers.kind === 'images',
      validate: (path) => (path ? undefined : 'There must be some data.'),
    });
  }
  const { columnNames } = await import('./init-project.ts');
  return prompts.select<string>({
    message: key === 'text' ? 'Which column has the texts?' : 'Which column is to be predicted?',
    options: (await columnNames(answers.data ?? ''))
      .filter((name) => name !== answers.text)
      .map((value) => ({ value, label: value })),
  });
}
