import { styleText } from 'node:util';
import { Command, CommanderError } from 'commander';
import { version } from '../version.ts';
import { exitCodes, exitHelp, fail } from './exit.ts';

/** A command as `tfk --help` lists it; its file is read when it is called. */
export interface CommandEntry {
  readonly name: string;
  readonly description: string;
  readonly load: () => Promise<Command>;
}

/** Every command, one file each, by what it is for. */
const groups: Readonly<Record<string, readonly CommandEntry[]>> = {
  'Begin:': [
    {
      name: 'init',
      description: 'write a config and a README to begin with, for digits, images, text or a table',
      load: async () => (await import('./init.ts')).initCommand(),
    },
    {
      name: 'datasets',
      description: 'list the data sets known by name, with their shapes and where they come from',
      load: async () => (await import('./datasets.ts')).datasetsCommand(),
    },
    {
      name: 'models',
      description: 'list the applications: well-known networks, with their parameters, inputs and sizes',
      load: async () => (await import('./models.ts')).modelsCommand(),
    },
    {
      name: 'schema',
      description: 'print the JSON Schema of config files, with which editors complete and check them',
      load: async () => (await import('./schema.ts')).schemaCommand(),
    },
    {
      name: 'doctor',
      description: 'check what is installed, which devices there are, and that a step gives right numbers',
      load: async () => (await import('./doctor.ts')).doctorCommand(),
    },
  ],
  'Train:': [
    {
      name: 'train',
      description: 'train a model as a JSON file says, and write it with its figures to an output folder',
      load: async () => (await import('./train.ts')).trainCommand(),
    },
    {
      name: 'resume',
      description: 'go on with a run that was stopped, or that died',
      load: async () => (await import('./resume.ts')).resumeCommand(),
    },
    {
      name: 'sweep',
      description: 'train with many values of a config, stop those that fall behind, and compare the rest',
      load: async () => (await import('./sweep.ts')).sweepCommand(),
    },
    {
      name: 'reproduce',
      description: 'train again as a run did, and compare data, history and weights bit for bit',
      load: async () => (await import('./reproduce.ts')).reproduceCommand(),
    },
  ],
  'Look:': [
    {
      name: 'evaluate',
      description: 'measure a saved model: its loss and metrics on data',
      load: async () => (await import('./evaluate.ts')).evaluateCommand(),
    },
    {
      name: 'summary',
      description: 'show the layers of a model: shapes, parameters, operations and memory',
      load: async () => (await import('./summary.ts')).summaryCommand(),
    },
    {
      name: 'report',
      description: 'write one HTML page about runs: curves, figures, mistakes, histograms, the graph',
      load: async () => (await import('./report.ts')).reportCommand(),
    },
    {
      name: 'bench',
      description: 'time training and prediction of a model on this machine',
      load: async () => (await import('./bench.ts')).benchCommand(),
    },
  ],
  'Use:': [
    {
      name: 'predict',
      description: 'predict with a saved model, from a file or standard input',
      load: async () => (await import('./predict.ts')).predictCommand(),
    },
    {
      name: 'export',
      description: 'write a model as ONNX, for any runtime: inference, in ops of the standard',
      load: async () => (await import('./export.ts')).exportCommand(),
    },
    {
      name: 'convert',
      description: 'write a model, or its weights, in another format; the endings tell which',
      load: async () => (await import('./convert.ts')).convertCommand(),
    },
    {
      name: 'quantize',
      description: 'write a model as ONNX with small weights; tell size, time and accuracy before and after',
      load: async () => (await import('./quantize.ts')).quantizeCommand(),
    },
  ],
  'Shell:': [
    {
      name: 'completion',
      description: 'print a script that completes commands and options in bash, zsh or fish',
      load: async () => (await import('./completion.ts')).completionCommand(),
    },
  ],
};

/** Every command. */
export const commands: readonly CommandEntry[] = Object.values(groups).flat();

/** `tfk` with all its commands; only those whose names are among the arguments are more than a name. */
export async function createProgram(args: readonly string[]): Promise<Command> {
  const program = new Command('tfk')
    .description('Train neural networks on native kernels, from one JSON file.')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'explain a command')
    .showHelpAfterError('(tfk --help explains)')
    .configureHelp({
      styleTitle: (text) => styleText('bold', text),
      styleCommandText: (text) => styleText('cyan', text),
      styleOptionTerm: (text) => styleText('cyan', text),
      styleSubcommandTerm: (text) => styleText('cyan', text),
    })
    .addHelpText('after', exitHelp);
  for (const [heading, entries] of Object.entries(groups)) {
    program.commandsGroup(heading);
    for (const { name, description, load } of entries) {
      const command = args.includes(name) ? await load() : new Command(name);
      program.addCommand(command.description(description).copyInheritedSettings(program));
    }
  }
  for (const command of [program, ...program.commands]) command.exitOverride();
  return program;
}

/** Runs `tfk` with these arguments; errors are told on stderr, and `process.exitCode` is set. */
export async function run(args: readonly string[]): Promise<void> {
  try {
    const [first] = args;
    const program =
      first === 'complete'
        ? await (await import('./completion.ts')).completingProgram()
        : await createProgram(args);
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    // commander has told its own errors
    if (error instanceof CommanderError)
      process.exitCode = error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    else fail(error);
  }
}
