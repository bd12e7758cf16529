/** Facts a caller can act on; every one given is also part of the message. */
export interface ErrorDetails {
  /** The op, layer, command or file format that refused. */
  readonly op?: string;
  /** The argument, option or config key at fault. */
  readonly argument?: string;
  readonly expected?: string;
  readonly received?: string;
  /** Path of the layer that was being built or run, e.g. `model/conv2d_1`. */
  readonly layerPath?: string;
  readonly cause?: unknown;
}

/**
 * Base class of everything the library throws on purpose.
 *
 * A message has up to four beats: where, what was expected, what came, how to fix it.
 */
export class TfkError extends Error {
  readonly op: string | undefined;
  readonly argument: string | undefined;
  readonly expected: string | undefined;
  readonly received: string | undefined;
  readonly layerPath: string | undefined;

  constructor(message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.op = details.op;
    this.argument = details.argument;
    this.expected = details.expected;
    this.received = details.received;
    this.layerPath = details.layerPath;
  }

  /** The same error, saying first where it came up: `validationData: x has ...`. */
  within(where: string): TfkError {
    const Kind = this.constructor as typeof TfkError;
    const { op, argument, expected, received, layerPath } = this;
    return new Kind(`${where}: ${this.message}`, {
      cause: this,
      ...(op !== undefined && { op }),
      ...(argument !== undefined && { argument }),
      ...(expected !== undefined && { expected }),
      ...(received !== undefined && { received }),
      ...(layerPath !== undefined && { layerPath }),
    });
  }
}

/** A tensor has the wrong rank or size. */
export class ShapeError extends TfkError {}

/** A tensor has the wrong element type. */
export class DtypeError extends TfkError {}

/** An option, config key, command-line argument or string id is wrong. */
export class ConfigError extends TfkError {}

/** Data given by the user is missing, malformed or out of range. */
export class DataError extends TfkError {}

/** A file is truncated, corrupt, hostile or of another format. */
export class FormatError extends TfkError {}

/** The native runtime failed, or a device is not available. */
export class BackendError extends TfkError {}

/** A fault of the library itself. */
export class InternalError extends TfkError {
  constructor(message: string, details: ErrorDetails = {}) {
    super(`internal: ${message} Please report this.`, details);
  }
}
