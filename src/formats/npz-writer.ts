import type { Tensor } from '../core/tensor.ts';
import { writeNpy } from './npy.ts';
import { writeZip } from './zip-writer.ts';

/** The bytes of a `.npz` file, uncompressed unless asked. */
export function writeNpz(
  tensors: Iterable<readonly [name: string, tensor: Tensor]>,
  options: { readonly compress?: boolean } = {},
): Uint8Array {
  return writeZip(
    Array.from(tensors, ([name, tensor]) => [`${name}.npy`, writeNpy(tensor)] as const),
    options,
  );
}
