import { bytesOf, type TensorData, viewOf } from '../core/dtype.ts';
import { sizeOf } from '../core/shape.ts';
import type { Graph } from '../ir/graph.ts';
import type { Executable, TensorSpec } from './backend.ts';
import { compileSync } from './ort/backend.ts';
import { cApiDriver } from './ort/capi.ts';
import { adviseHugePages, keepFreedMemory, ownMappingBytes } from './ort/runtime.ts';
import { compileReference } from './reference.ts';

type Compiler = (graph: Graph) => Executable;

let compiler: Compiler | undefined;

/**
 * Compiles a graph on the calling thread, for runs on it: natively where the C API of ONNX Runtime loads, for the
 * float64 interpreter, which a warning then tells, elsewhere.
 */
export function compileNow(graph: Graph): Executable {
  compiler ??= findCompiler();
  return compiler(graph);
}

function findCompiler(): Compiler {
  let reason = 'TFK_DRIVER is "js"';
  if (process.env.TFK_DRIVER !== 'js') {
    try {
      const driver = cApiDriver();
      return (graph) => compileSync(driver, graph) ?? compileReference(graph);
    } catch (error) {
      reason = error instanceof Error ? error.message : String(error);
    }
  }
  process.emitWarning(
    'Ops on tensors, jit and grad run in the float64 interpreter, which is slow: they need the C API of ONNX Runtime, ' +
      `which is not available (${reason}). fit, predict and trainStep are not affected.`,
    'TfkWarning',
  );
  return compileReference;
}

/** Where a result that is not small goes: memory of any content, since all of it will be written. */
export function resultArray({ dtype, shape }: Pick<TensorSpec, 'dtype' | 'shape'>): TensorData {
  const length = sizeOf(shape);
  const array = viewOf(dtype, Buffer.allocUnsafeSlow(length * bytesOf(dtype)).buffer, 0, length);
  if (array.byteLength >= ownMappingBytes) adviseHugePages(array);
  else if (!keeping && array.byteLength >= largeBytes) {
    keeping = true;
    keepFreedMemory();
  }
  return array;
}

/** From here on it matters that the memory of results is used again. */
const largeBytes = 2 ** 20;
let keeping = false;
