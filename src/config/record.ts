import { execFile } from 'node:child_process';
import { createHash, type Hash } from 'node:crypto';
import { arch, availableParallelism, cpus, platform } from 'node:os';
import { promisify } from 'node:util';
import * as z from 'zod';
import type { Tensor } from '../core/tensor.ts';
import { FormatError } from '../errors.ts';
import type { Model } from '../models/model.ts';
import { version } from '../version.ts';
import { PictureFiles } from './picture-files.ts';
import { readJson } from './run-folder.ts';
import type { Config } from './schema.ts';
import type { Part, RunData, Samples } from './sources.ts';

const recordSchema = z.object({
  tfk: z.string(),
  node: z.string(),
  runtime: z.string(),
  platform: z.string(),
  processor: z.string(),
  threads: z.int(),
  /** SHA-256 of the samples of each part. */
  data: z.record(z.string(), z.string()),
  /** Commit of the working folder, where it is in a git repository; `changed` when files differ from it. */
  git: z.object({ commit: z.string(), changed: z.boolean() }).nullable(),
  /** SHA-256 of the weights at the end; `null` until then. */
  weights: z.string().nullable(),
});

/** What a run's result depends on besides its config, and a hash of that result. */
export type RunRecord = z.output<typeof recordSchema>;

/** The record of a run that begins. @param runtime - name and version of what runs the kernels */
export async function newRecord(config: Config, data: RunData, runtime: string): Promise<RunRecord> {
  const hashes: Record<string, string> = {};
  for (const [name, samples] of Object.entries(data)) if (samples) hashes[name] = await fingerprint(samples);
  return {
    tfk: version,
    node: process.version,
    runtime,
    platform: `${platform()}-${arch()}`,
    processor: cpus()[0]?.model ?? 'unknown',
    threads: config.threads ?? availableParallelism(),
    data: hashes,
    git: await gitState(),
    weights: null,
  };
}

/** @throws {@link FormatError} or {@link DataError} when the file is missing or corrupt */
export async function readRecord(path: string): Promise<RunRecord> {
  const record = recordSchema.safeParse(await readJson(path));
  if (record.success) return record.data;
  const [issue] = record.error.issues;
  throw new FormatError(`${path}: "${issue?.path.join('.')}": ${issue?.message}.`, { op: 'record' });
}

/** SHA-256 of a model's weights: types, shapes and bytes, in order. */
export const weightsHash = (model: Model): string => hashOf(model.getWeights());

const fingerprint = async (samples: Samples | PictureFiles): Promise<string> =>
  samples instanceof PictureFiles ? samples.hash() : hashOf([...tensors(samples.x), ...tensors(samples.y)]);

const tensors = (part: Part): Tensor[] =>
  'dtype' in part && 'shape' in part && 'data' in part ? [part as Tensor] : Object.values(part);

function hashOf(list: readonly Tensor[]): string {
  const hash = createHash('sha256');
  for (const tensor of list) addTensor(hash, tensor);
  return hash.digest('hex');
}

function addTensor(hash: Hash, { dtype, shape, data }: Tensor): void {
  hash.update(`${dtype}[${shape.join(',')}]`);
  hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}

/** Where the working folder's repository is; `null` without git, or outside of a repository. */
async function gitState(): Promise<RunRecord['git']> {
  const git = async (...args: string[]): Promise<string> => {
    const { stdout } = await promisify(execFile)('git', args, { maxBuffer: 2 ** 26 });
    return stdout.trim();
  };
  try {
    return { commit: await git('rev-parse', 'HEAD'), changed: (await git('status', '--porcelain')) !== '' };
  } catch {
    return null;
  }
}
