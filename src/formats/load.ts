import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError, FormatError } from '../errors.ts';
import type { Model } from '../models/model.ts';
import { ioError } from './atomic.ts';
import type { OnnxLoadOptions } from './onnx-import.ts';
import { type LoadOptions as KerasLoadOptions, loadModel as loadKeras } from './save.ts';

/** Options of {@link loadModel}. */
export interface LoadOptions extends KerasLoadOptions {
  /** How an ONNX file becomes a model. */
  readonly onnx?: OnnxLoadOptions;
}

/** Endings of files without a model. */
const weightsAlone = /\.(weights\.json|npz|safetensors|safetensors\.index\.json)$/;

/**
 * A model from a file, whose format is told from its content: `.keras`, legacy `.h5`, ONNX, or the `model.json` of
 * TensorFlow.js (or its folder).
 * @throws {@link FormatError} when the file is corrupt, hostile or asks for what is not supported
 * @throws {@link ConfigError} for a file of weights alone
 * @throws {@link DataError} when it cannot be read
 */
export async function loadModel(path: string, options: LoadOptions = {}): Promise<Model> {
  const file = await modelFile(path);
  if (weightsAlone.test(file)) {
    throw new ConfigError(
      `loadModel: ${file} holds weights alone. Build the model, then call model.loadWeights(path).`,
      { op: 'loadModel', argument: 'path', received: file },
    );
  }
  const { onnx, ...others } = options;
  switch (formatOf(await firstBytes(file), file)) {
    case 'keras':
      return loadKeras(file, others);
    case 'onnx':
      return (await import('./onnx-import.ts')).loadOnnx(file, onnx);
    case 'hdf5':
      return (await import('./legacy-h5.ts')).loadLegacyH5(file, others);
    case 'tfjs':
      return (await import('./tfjs.ts')).loadTfjs(file, others);
  }
}

/** A folder stands for the `model.json` inside. */
async function modelFile(path: string): Promise<string> {
  const found = await stat(path).catch((error: unknown) => {
    throw ioError(error, path, 'read');
  });
  return found.isDirectory() ? join(path, 'model.json') : path;
}

async function firstBytes(path: string): Promise<Buffer> {
  const file = await open(path, 'r').catch((error: unknown) => {
    throw ioError(error, path, 'read');
  });
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(16), 0, 16, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

type ModelFormat = 'keras' | 'hdf5' | 'tfjs' | 'onnx';

/** Told by the first bytes; ONNX files have none of their own, but begin with the version of their form. */
function formatOf(bytes: Buffer, path: string): ModelFormat {
  if (path.endsWith('.keras') || bytes.toString('latin1', 0, 2) === 'PK') return 'keras';
  if (bytes.toString('latin1', 0, 8) === '\x89HDF\r\n\x1a\n') return 'hdf5';
  if (/^\s*\{/.test(bytes.toString('latin1'))) return 'tfjs';
  if (path.endsWith('.onnx') || bytes[0] === 0x08) return 'onnx';
  throw new FormatError(
    `${path}: expected a model: .keras, .h5, .onnx or the model.json of TensorFlow.js. Received a file of another kind.`,
    { op: 'loadModel', received: bytes.toString('latin1') },
  );
}
