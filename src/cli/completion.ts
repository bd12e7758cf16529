import { Argument, Command } from 'commander';

export const completionCommand = (): Command =>
  new Command('completion')
    .addArgument(new Argument('<shell>', 'the shell to complete in').choices(['bash', 'zsh', 'fish']))
    .addHelpText(
      'after',
      `
Commands, options and their values are completed, and files everywhere else. Bash needs the package bash-completion.

Examples:
  $ echo 'source <(tfk completion bash)' >> ~/.bashrc
  $ echo 'source <(tfk completion zsh)' >> ~/.zshrc
  $ tfk completion fish > ~/.config/fish/completions/tfk.fish`,
    )
    .action(async (shell: string) => {
      const { script } = await import('@bomb.sh/tab');
      script(shell, 'tfk', 'tfk');
    });

/** `tfk` with the hidden command `complete`, by which the scripts ask for what may follow. */
export async function completingProgram(): Promise<Command> {
  const { commands, createProgram } = await import('./program.ts');
  const program = await createProgram(commands.map(({ name }) => name));
  const { ShellCompDirective } = await import('@bomb.sh/tab');
  const { default: complete } = await import('@bomb.sh/tab/commander');
  const root = complete(program);
  root.commands.delete('complete'); // that is for the scripts
  const { ShellCompDirectiveDefault: files, ShellCompDirectiveNoFileComp: noFiles } = ShellCompDirective;
  // the adapter never asks for files; arguments of ours that have no list of values are nearly always some
  Object.defineProperty(root, 'directive', {
    get: () => (root.completions.length === 0 ? files : noFiles),
    set: () => {},
  });
  return program;
}
