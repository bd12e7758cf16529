/** Exit codes of every command; also listed by `tfk --help`. */
export const exitCodes = {
  ok: 0,
  unexpected: 1,
  usage: 2,
  data: 3,
  exists: 4,
  backend: 5,
  differs: 6,
  interrupted: 130,
  terminated: 143,
} as const;

/** What each exit code means, for `--help`. */
export const exitHelp = `
Exit codes:
  0    done
  1    unexpected failure (TFK_DEBUG=1 shows where)
  2    wrong command line or config
  3    data or a file is missing, corrupt or does not fit the model
  4    the output folder holds a run (--force replaces it, --resume goes on with one that was stopped)
  5    the native runtime or the device failed
  6    a run that was reproduced came out otherwise
  130  interrupted by Ctrl-C
  143  stopped by SIGTERM`;

/** The output folder is taken. */
export class OutputExistsError extends Error {
  override readonly name = 'OutputExistsError';
}

const codes: Readonly<Record<string, number>> = {
  ConfigError: exitCodes.usage,
  DataError: exitCodes.data,
  FormatError: exitCodes.data,
  ShapeError: exitCodes.data,
  DtypeError: exitCodes.data,
  OutputExistsError: exitCodes.exists,
  BackendError: exitCodes.backend,
};

/** Tells an error in plain words on stderr and sets the exit code; the stack only where `TFK_DEBUG` is set. */
export function fail(error: unknown): void {
  const name = error instanceof Error ? error.name : '';
  const message = error instanceof Error ? error.message : String(error);
  console.error(`tfk: ${message}`);
  if (process.env.TFK_DEBUG && error instanceof Error) console.error(error.stack);
  process.exitCode = codes[name] ?? exitCodes.unexpected;
}
