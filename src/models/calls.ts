import { sourcesOf } from '../layers/call-arguments.ts';
import type { LayerCall } from '../layers/layer.ts';
import type { SymbolicTensor } from '../layers/symbolic.ts';

/** The calls that some symbolic tensors come from, back to their inputs. */
export function callsBehind(outputs: readonly SymbolicTensor[]): ReadonlySet<LayerCall> {
  const found = new Set<LayerCall>();
  const waiting = outputs.map((y) => y.origin.call);
  for (let call = waiting.pop(); call !== undefined; call = waiting.pop()) {
    if (found.has(call)) continue;
    found.add(call);
    waiting.push(...sourcesOf(call).map((x) => x.origin.call));
  }
  return found;
}
