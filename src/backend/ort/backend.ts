import { allocate, type TensorData } from '../../core/dtype.ts';
import { atOnce, inTurns, type Pieces } from '../../core/event-loop.ts';
import { sizeOf } from '../../core/shape.ts';
import { Tensor } from '../../core/tensor.ts';
import { BackendError } from '../../errors.ts';
import { type Graph, nodesOf } from '../../ir/graph.ts';
import { flopsOf } from '../../ir/op.ts';
import { optimizing } from '../../ir/passes.ts';
import { withConstants } from '../../ir/substitute.ts';
import { type EmittedGraph, emitting, modelOf } from '../../onnx/emit.ts';
import { encodingModel } from '../../onnx/proto.ts';
import {
  type Backend,
  type Binding,
  type BindOptions,
  type CompileOptions,
  checkFeeds,
  type Executable,
  graphSpecs,
  type TensorSpec,
} from '../backend.ts';
import { findChannelBlock, knownChannelBlock } from './channel-block.ts';
import type { Driver, Session, SessionOptions } from './driver.ts';
import { openDriver } from './open.ts';

/**
 * ONNX Runtime, through its C API; through its JavaScript API where the C API cannot be loaded, or where the
 * environment variable `TFK_DRIVER` is `js`.
 */
export async function ortBackend(): Promise<Backend> {
  const driver = await openDriver(process.env.TFK_DRIVER === 'js' ? 'js-api' : undefined);
  await findChannelBlock(driver);
  return {
    name: 'onnxruntime',
    runtime: `ONNX Runtime ${driver.version()} (${driver.name})`,
    sharesMemory: driver.name === 'c-api',
    devices: () => driver.devices(),
    compile: (graph, options = {}) => compile(driver, graph, options),
  };
}

/** Graphs that read and write fewer elements than this run quicker on one thread: waking another costs more. */
const smallGraph = 2 ** 20;
/** Multiplications and additions in the time that an element takes. */
const flopsPerElement = 32;

function isSmall(graph: Graph): boolean {
  let work = 0;
  for (const node of nodesOf(graph)) {
    work += flopsOf(node) / flopsPerElement;
    for (const value of [...node.inputs, ...node.outputs])
      work += value === undefined ? 0 : sizeOf(value.shape);
  }
  return work < smallGraph;
}

async function compile(driver: Driver, graph: Graph, options: CompileOptions): Promise<Executable> {
  const lowered = await inTurns(lowering(driver, graph, options));
  try {
    return lowered.executable(await driver.createSession(lowered.bytes, ...lowered.session));
  } catch (error) {
    throw lowered.locate(error);
  }
}

/**
 * Compiles on the calling thread.
 * @returns `undefined` where the driver cannot
 */
export function compileSync(driver: Driver, graph: Graph): Executable | undefined {
  if (driver.createSessionSync === undefined) return undefined;
  const lowered = atOnce(lowering(driver, graph, {}));
  try {
    return lowered.executable(driver.createSessionSync(lowered.bytes, ...lowered.session));
  } catch (error) {
    throw lowered.locate(error);
  }
}

/** From a graph to the model that the runtime loads, in pieces. */
function* lowering(driver: Driver, graph: Graph, options: CompileOptions): Pieces<Lowered> {
  const { constants = new Map(), ...session } = options;
  // the runtime folds constants, as large as weights are, quicker than the passes here would
  const optimized = withConstants(yield* optimizing(graph), constants);
  yield;
  // where weights are constants, the runtime itself chooses their layouts
  const blocked = session.device !== 'cuda' && constants.size === 0;
  const channelBlock = blocked ? knownChannelBlock(driver) : undefined;
  const emitted = yield* emitting(optimized, { target: 'runtime', channelBlock });
  yield;
  const bytes = yield* encodingModel(modelOf(emitted.proto, emitted.domains));
  return new Lowered(optimized, emitted, bytes, session);
}

/** A graph in ONNX, with all that a session is made of. */
class Lowered {
  readonly bytes: Uint8Array;
  readonly session: readonly [readonly TensorSpec[], readonly TensorSpec[], SessionOptions];
  readonly #graph: EmittedGraph;

  constructor(graph: Graph, emitted: EmittedGraph, bytes: Uint8Array, options: Partial<SessionOptions>) {
    const { inputs, outputs } = graphSpecs(graph, emitted.inputNames, emitted.outputNames);
    const small = isSmall(graph);
    const memory = { oneBlock: small || options.device === 'cuda' };
    this.session = [inputs, outputs, { device: 'cpu', ...(small && { threads: 1 }), ...memory, ...options }];
    this.bytes = bytes;
    this.#graph = emitted;
  }

  executable(session: Session): Executable {
    const [inputs, outputs] = this.session;
    return new OrtExecutable(session, inputs, outputs, this.locate);
  }

  /** An error of the runtime with the layer path it comes from. */
  readonly locate = (error: unknown): unknown => withLayerPath(error, this.#graph.nodeScopes);
}

class OrtExecutable implements Executable {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly canRunSync: boolean;
  readonly canCancel: boolean;
  readonly #session: Session;
  readonly #locate: (error: unknown) => unknown;

  constructor(
    session: Session,
    inputs: readonly TensorSpec[],
    outputs: readonly TensorSpec[],
    locate: (error: unknown) => unknown,
  ) {
    this.#session = session;
    this.inputs = inputs;
    this.outputs = outputs;
    this.canRunSync = session.canRunSync;
    this.canCancel = session.canCancel;
    this.#locate = locate;
  }

  async run(feeds: readonly Tensor[]): Promise<Tensor[]> {
    checkFeeds(this.inputs, feeds);
    const results = this.outputs.map(
      ({ dtype, shape }) => new Tensor(dtype, shape, allocate(dtype, sizeOf(shape))),
    );
    const binding = this.bind(
      feeds.map((feed) => feed.data),
      results.map((result) => result.data),
    );
    try {
      await binding.run();
      return results;
    } finally {
      binding.dispose();
    }
  }

  bind(inputs: readonly TensorData[], outputs: readonly TensorData[], options?: BindOptions): Binding {
    return new LocatedBinding(this.#session.bind(inputs, outputs, options), this.#locate);
  }

  runSync(inputs: readonly TensorData[], outputs: readonly TensorData[]): void {
    try {
      this.#session.runSync(inputs, outputs);
    } catch (error) {
      throw this.#locate(error);
    }
  }

  endProfiling(): string | undefined {
    return this.#session.endProfiling();
  }

  dispose(): void {
    this.#session.dispose();
  }
}

/** A binding whose failures name the layer. */
class LocatedBinding implements Binding {
  readonly #binding: Binding;
  readonly #locate: (error: unknown) => unknown;

  constructor(binding: Binding, locate: (error: unknown) => unknown) {
    this.#binding = binding;
    this.#locate = locate;
  }

  runSync(): void {
    try {
      this.#binding.runSync();
    } catch (error) {
      throw this.#locate(error);
    }
  }

  async run(): Promise<void> {
    try {
      await this.#binding.run();
    } catch (error) {
      throw this.#locate(error);
    }
  }

  cancel(): void {
    this.#binding.cancel();
  }

  read(input: number, into: TensorData): void {
    this.#binding.read(input, into);
  }

  write(input: number, data: TensorData): void {
    this.#binding.write(input, data);
  }

  dispose(): void {
    this.#binding.dispose();
  }
}

/** The error with the layer path of the node it names: the longest node name in its message. */
function withLayerPath(error: unknown, nodeScopes: ReadonlyMap<string, string>): unknown {
  if (!(error instanceof BackendError)) return error;
  let node = '';
  const told = `${error.message} ${error.received ?? ''}`;
  for (const [name, scope] of nodeScopes) {
    if (scope !== '' && name.length > node.length && told.includes(name)) node = name;
  }
  const layerPath = nodeScopes.get(node);
  if (layerPath === undefined) return error;
  return new BackendError(`Layer "${layerPath}": ${error.message}`, {
    ...(error.op !== undefined && { op: error.op }),
    ...(error.received !== undefined && { received: error.received }),
    layerPath,
    cause: error,
  });
}
