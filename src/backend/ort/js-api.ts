import { existsSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { InferenceSession } from 'onnxruntime-node';
import type { TensorData } from '../../core/dtype.ts';
import { BackendError } from '../../errors.ts';
import {
  type Binding,
  type BindOptions,
  checkArrays,
  checkResidents,
  configEntries,
  type Driver,
  type Session,
  type SessionOptions,
  type TensorSpec,
} from './driver.ts';
import { JsBinding, jsError, notSync, type Ort } from './js-binding.ts';
import { cudaError, cudaLibrary } from './library.ts';
import { Lifetime } from './lifetime.ts';
import { logLevel } from './log-level.ts';

/** Drives ONNX Runtime through its JavaScript API: portable, but it blocks, copies and cannot be cancelled. */
export async function jsApiDriver(): Promise<Driver> {
  const ort = await import('onnxruntime-node');
  ort.env.logLevel = (['verbose', 'info', 'warning', 'error', 'fatal'] as const)[logLevel()] ?? 'fatal';
  return {
    name: 'js-api',
    version: () => ort.env.versions.node ?? ort.env.versions.common,
    devices: () => (existsSync(cudaLibrary()) ? ['cpu', 'cuda'] : ['cpu']),
    async createSession(model, inputs, outputs, options) {
      const settings = jsOptions(options);
      try {
        const session = await ort.InferenceSession.create(model, settings);
        return new JsSession(ort, session, inputs, outputs, options);
      } catch (cause) {
        if (options.device === 'cuda') throw cudaError(cause);
        throw jsError('createSession', cause);
      }
    },
  };
}

function jsOptions(options: SessionOptions): InferenceSession.SessionOptions {
  const {
    device,
    deviceId = 0,
    threads = availableParallelism(),
    optimize = 'all',
    oneBlock = true,
  } = options;
  const { profilePrefix } = options;
  if (options.deterministic && device !== 'cpu') {
    throw new BackendError(
      `createSession: "deterministic" on "${device}" needs the C API driver; the JavaScript API cannot set it.`,
      { op: 'createSession', argument: 'deterministic', expected: 'false', received: 'true' },
    );
  }
  return {
    executionProviders: device === 'cuda' ? [{ name: 'cuda', deviceId }, 'cpu'] : ['cpu'],
    intraOpNumThreads: threads,
    graphOptimizationLevel: optimize === 'none' ? 'disabled' : optimize,
    enableMemPattern: oneBlock,
    logSeverityLevel: jsLogLevel(),
    extra: configEntries(options),
    ...(profilePrefix === undefined ? {} : { enableProfiling: true, profileFilePrefix: profilePrefix }),
  };
}

const jsLogLevel = (): 0 | 1 | 2 | 3 | 4 => ([0, 1, 2, 3] as const)[logLevel()] ?? 4;

class JsSession implements Session {
  readonly canRunSync = false;
  readonly canCancel = false;
  readonly #ort: Ort;
  readonly #session: InferenceSession;
  readonly #inputs: readonly TensorSpec[];
  readonly #outputs: readonly TensorSpec[];
  readonly #profilePrefix: string | undefined;
  readonly #lifetime: Lifetime;
  readonly #bindings = new Set<JsBinding>();

  constructor(
    ort: Ort,
    session: InferenceSession,
    inputs: readonly TensorSpec[],
    outputs: readonly TensorSpec[],
    options: SessionOptions,
  ) {
    this.#ort = ort;
    this.#session = session;
    this.#inputs = inputs;
    this.#outputs = outputs;
    this.#profilePrefix = options.profilePrefix;
    // The JavaScript API releases synchronously, behind a promise that has nothing to report.
    this.#lifetime = new Lifetime('session', () => void session.release());
  }

  bind(inputs: readonly TensorData[], outputs: readonly TensorData[], options: BindOptions = {}): Binding {
    const { resident = new Map() } = options;
    checkArrays('input', this.#inputs, inputs);
    checkArrays('output', this.#outputs, outputs);
    checkResidents(this.#inputs, this.#outputs, resident);
    this.#lifetime.check();
    const owner = { ort: this.#ort, session: this.#session, inputs: this.#inputs, outputs: this.#outputs };
    const binding = new JsBinding(owner, inputs, outputs, resident, () => {
      this.#bindings.delete(binding);
      this.#lifetime.leave();
    });
    this.#lifetime.enter();
    this.#bindings.add(binding);
    return binding;
  }

  runSync(): never {
    throw notSync();
  }

  /** The JavaScript API does not tell the trace's path; it begins with the prefix. */
  endProfiling(): string | undefined {
    this.#lifetime.check();
    if (this.#profilePrefix === undefined) return undefined;
    this.#session.endProfiling();
    const folder = dirname(this.#profilePrefix);
    const start = `${basename(this.#profilePrefix)}_`;
    const name = readdirSync(folder).find((file) => file.startsWith(start));
    return name && join(folder, name);
  }

  dispose(): void {
    for (const binding of this.#bindings) binding.dispose();
    this.#lifetime.dispose();
  }
}
