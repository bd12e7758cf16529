/** onnxruntime-node driven by hand, with the exported network: `node ort-node.js <task>`. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { randomSamples, type Task } from '../task.ts';
import { threads } from '../workloads/workload.ts';
import { calls, serve } from './serve.ts';

/** The network's file, written by a process of its own so that its memory is not counted here. */
async function open(taskText: string): Promise<InferenceSession> {
  const folder = mkdtempSync(join(tmpdir(), 'tfk-bench-'));
  try {
    const file = join(folder, 'model.onnx');
    execFileSync(process.execPath, [fileURLToPath(new URL('./export.js', import.meta.url)), taskText, file]);
    return await InferenceSession.create(file, { intraOpNumThreads: threads });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const [, , taskText = ''] = process.argv;
const task = JSON.parse(taskText) as Task;
const { x } = randomSamples(task);
const { batchSize, batches, sampleShape } = task;
const length = x.length / batches;
const inputs = Array.from({ length: batches }, (_, i) => {
  const part = x.subarray(i * length, (i + 1) * length);
  const type = part instanceof Int32Array ? 'int32' : 'float32';
  return new Tensor(type, part, [batchSize, ...sampleShape]);
});
let session: InferenceSession | undefined;
const { version } = createRequire(import.meta.url)('onnxruntime-node/package.json') as { version: string };
await serve(
  `onnxruntime-node ${version}`,
  calls(inputs, async (x) => {
    session ??= await open(taskText);
    await session.run({ x });
  }),
);
