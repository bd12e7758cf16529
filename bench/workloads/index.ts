import { lstm } from './lstm.ts';
import { mlp } from './mlp.ts';
import { mnistConvnet } from './mnist-convnet.ts';
import { mobilenetV2 } from './mobilenet-v2.ts';
import { resnet20 } from './resnet20.ts';
import { tinyMlp } from './tiny-mlp.ts';
import { transformer } from './transformer.ts';
import { unet } from './unet.ts';
import type { Workload } from './workload.ts';

/** What is measured. A new workload is a file here, a line here, and a model in the peers that can run it. */
export const workloads: readonly Workload[] = [
  tinyMlp,
  mlp,
  mnistConvnet,
  resnet20,
  lstm,
  transformer,
  mobilenetV2,
  unet,
];

/** @throws RangeError naming the known workloads */
export function findWorkload(name: string): Workload {
  const found = workloads.find((w) => w.name === name);
  if (found) return found;
  throw new RangeError(`No workload "${name}". There are: ${workloads.map((w) => w.name).join(', ')}.`);
}
