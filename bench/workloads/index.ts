import { mlp } from './mlp.ts';
import { mnistConvnet } from './mnist-convnet.ts';
import { tinyMlp } from './tiny-mlp.ts';
import type { Workload } from './workload.ts';

/** What is measured. A new workload is a file here, a line here, and a model in the peers that can run it. */
export const workloads: readonly Workload[] = [tinyMlp, mlp, mnistConvnet];

/** @throws RangeError naming the known workloads */
export function findWorkload(name: string): Workload {
  const found = workloads.find((w) => w.name === name);
  if (found) return found;
  throw new RangeError(`No workload "${name}". There are: ${workloads.map((w) => w.name).join(', ')}.`);
}
