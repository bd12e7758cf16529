import { availableParallelism } from 'node:os';
import { Command } from 'commander';
import { exitCodes } from './exit.ts';
import { examples, printJson } from './text.ts';

/** What the doctor finds; `problem` says what is missing and how to get it. */
interface Finding {
  readonly name: string;
  readonly value?: string;
  readonly problem?: string;
}

export const doctorCommand = (): Command =>
  new Command('doctor')
    .option('--json', 'print one line of JSON')
    .addHelpText(
      'after',
      `
Exits with 5 when models cannot be run; data sets that are not there are no failure.
${examples(['tfk doctor'], ['tfk doctor --json'])}`,
    )
    .action(doctor);

async function doctor({ json }: { readonly json?: boolean }): Promise<void> {
  const tfk = await import('../index.ts');
  const runtime = await inspect('runtime', async () => (await tfk.backends.getBackend()).runtime);
  const devices = await inspect('devices', async () =>
    (await tfk.backends.getBackend()).devices().join(', '),
  );
  const selfTest = await inspect('self-test', trainsAlike);
  const findings: Finding[] = [
    { name: 'tfk', value: tfk.version },
    { name: 'node', value: process.version },
    { name: 'platform', value: `${process.platform}-${process.arch}, ${availableParallelism()} cores` },
    runtime,
    devices,
    await inspect('mnist', async () => sizes(await tfk.datasets.mnist())),
    await inspect('fashionMnist', async () => sizes(await tfk.datasets.fashionMnist())),
    selfTest,
  ];
  if (json) printJson(Object.fromEntries(findings.map(({ name, ...rest }) => [name, rest])));
  else
    for (const { name, value, problem } of findings)
      console.log(`${name.padEnd(14)} ${value ?? `- ${problem}`}`);
  if (runtime.problem || devices.problem || selfTest.problem) process.exitCode = exitCodes.backend;
}

async function inspect(name: string, look: () => Promise<string>): Promise<Finding> {
  try {
    return { name, value: await look() };
  } catch (error) {
    return { name, problem: error instanceof Error ? error.message : String(error) };
  }
}

const sizes = ({ train, test }: { train: { x: { shape: readonly number[] } }; test: typeof train }): string =>
  `${train.x.shape[0]} to train, ${test.x.shape[0]} to test`;

/** One training step on the native backend and on the reference; fails when the weights differ. */
async function trainsAlike(): Promise<string> {
  const tfk = await import('../index.ts');
  const x = tfk.tensor([
    [0.1, -0.4, 0.8],
    [1.2, 0.5, -0.3],
  ]);
  const y = tfk.tensor([[1], [0]]);
  const weights: number[][] = [];
  for (const backend of ['onnxruntime', 'reference']) {
    const kernel = tfk.tensor(
      Array.from({ length: 12 }, (_, i) => Math.sin(i)),
      [3, 4],
    );
    const model = tfk.sequential([
      tfk.input({ shape: [3] }),
      tfk.layers.dense({ units: 4, activation: 'tanh' }),
      tfk.layers.dense({ units: 1, kernelInitializer: 'ones' }),
    ]);
    model.layers[0]?.setWeights([kernel, tfk.tensor([0, 0, 0, 0])]);
    model.compile({ optimizer: { type: 'sgd', learningRate: 0.1 }, loss: 'meanSquaredError', backend });
    await model.trainOnBatch(x, y);
    weights.push(
      model.getWeights().flatMap((w) => Array.from({ length: w.size }, (_, i) => Number(w.data[i]))),
    );
    model.dispose();
  }
  const [native = [], reference = []] = weights;
  const difference = Math.max(...native.map((w, i) => Math.abs(w - (reference[i] as number))));
  if (difference < 1e-5)
    return `a training step agrees with the reference (difference ${difference.toExponential(1)})`;
  throw new tfk.BackendError(`a training step differs from the reference by ${difference}`);
}
