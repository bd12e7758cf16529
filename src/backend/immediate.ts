import type { Graph } from '../ir/graph.ts';
import type { Executable } from './backend.ts';
import { compileSync } from './ort/backend.ts';
import { cApiDriver } from './ort/capi.ts';
import { compileReference } from './reference.ts';

type Compiler = (graph: Graph) => Executable;

let compiler: Compiler | undefined;

/**
 * Compiles a graph on the calling thread, for runs on it: natively where the C API of ONNX Runtime loads, for the
 * float64 interpreter elsewhere.
 */
export function compileNow(graph: Graph): Executable {
  compiler ??= findCompiler();
  return compiler(graph);
}

function findCompiler(): Compiler {
  if (process.env.TFK_DRIVER === 'js') return compileReference;
  try {
    const driver = cApiDriver();
    return (graph) => compileSync(driver, graph) ?? compileReference(graph);
  } catch {
    return compileReference;
  }
}
