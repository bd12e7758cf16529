import { atOnce, type Pieces } from '../core/event-loop.ts';
import type { Graph } from './graph.ts';
import { sinkBroadcasts, sinkTransposes } from './layout.ts';
import { foldConstants, rewriteToFixpoint, simplify } from './rewrite.ts';
import { verify } from './verify.ts';

/**
 * The passes between building a graph and running it: constants folded, identities applied, broadcasts and transposes moved
 * towards the results, equal nodes merged, dead ones dropped; the result is checked.
 * @throws {@link InternalError} when the result is not a legal graph
 */
export const optimize = (graph: Graph): Graph => atOnce(optimizing(graph));

/** {@link optimize} in pieces. */
export function* optimizing(graph: Graph): Pieces<Graph> {
  const rules = [foldConstants, simplify, sinkBroadcasts, sinkTransposes];
  const result = yield* rewriteToFixpoint(graph, rules);
  yield;
  return verify(result);
}
