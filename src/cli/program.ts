import { Command, CommanderError } from 'commander';
import { version } from '../version.ts';
import { convertCommand } from './convert.ts';
import { doctorCommand } from './doctor.ts';
import { evaluateCommand } from './evaluate.ts';
import { exitCodes, exitHelp, fail } from './exit.ts';
import { exportCommand } from './export.ts';
import { predictCommand } from './predict.ts';
import { quantizeCommand } from './quantize.ts';
import { reportCommand } from './report.ts';
import { reproduceCommand } from './reproduce.ts';
import { resumeCommand } from './resume.ts';
import { summaryCommand } from './summary.ts';
import { trainCommand } from './train.ts';

/** Every command, one file each. */
export const commands = [
  trainCommand,
  evaluateCommand,
  predictCommand,
  summaryCommand,
  exportCommand,
  convertCommand,
  quantizeCommand,
  doctorCommand,
  resumeCommand,
  reproduceCommand,
  reportCommand,
];

/** Runs `tfk` with these arguments; errors are told on stderr, and `process.exitCode` is set. */
export async function run(args: readonly string[]): Promise<void> {
  const program = new Command('tfk')
    .description('Train neural networks on native kernels, from one JSON file.')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'explain a command')
    .showHelpAfterError('(tfk --help explains)')
    .addHelpText('after', exitHelp);
  for (const make of commands) program.addCommand(make().copyInheritedSettings(program));
  for (const command of [program, ...program.commands]) command.exitOverride();
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    // commander has told its own errors
    if (error instanceof CommanderError)
      process.exitCode = error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    else fail(error);
  }
}
