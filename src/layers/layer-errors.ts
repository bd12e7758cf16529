import { formatShape, type PartialShape } from '../core/shape.ts';
import { TfkError } from '../errors.ts';
import { currentScope } from '../ir/graph.ts';

/** Two primes: sizes that follow an unknown input size differ between them, all others do not. */
export const standIns = [1009, 2003] as const;

/** Text of a message or shape with the stand-ins shown as what they are: unknown sizes. */
const hideStandIns = (text: string): string => text.replace(/\b(1009|2003)\b/g, '?');

/** Runs a user-visible part of a layer; errors from the ops say which layer it was and what came in. */
export function located<T>(
  layer: { readonly label: string; readonly name: string },
  inputs: readonly { readonly shape: PartialShape }[],
  body: () => T,
): T {
  try {
    return body();
  } catch (error) {
    if (!(error instanceof TfkError) || error.layerPath !== undefined) throw error;
    const received = hideStandIns(inputs.map((x) => formatShape(x.shape)).join(', '));
    const Kind = error.constructor as typeof TfkError;
    const text = error.message.startsWith(layer.label) ? error.message : `${layer.label}: ${error.message}`;
    throw new Kind(`${hideStandIns(text)} The layer's input shape: ${received}.`, {
      op: error.op ?? layer.name,
      layerPath: currentScope() || layer.name,
      cause: error,
      ...(error.argument !== undefined && { argument: error.argument }),
      ...(error.expected !== undefined && { expected: error.expected }),
      received: error.received === undefined ? received : hideStandIns(error.received),
    });
  }
}
