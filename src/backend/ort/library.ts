import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { BackendError } from '../../errors.ts';

/** How the shared library of ONNX Runtime is called on each platform. */
const libraryNames: Readonly<Record<string, RegExp>> = {
  linux: /^libonnxruntime\.so\.\d+$/,
  darwin: /^libonnxruntime\.\d+\.dylib$/,
  win32: /^onnxruntime\.dll$/,
};

/** The folder of the installed `onnxruntime-node` that holds this platform's binaries. */
function binaryFolder(platform: string, arch: string): string {
  const entry = createRequire(import.meta.url).resolve('onnxruntime-node');
  return join(dirname(entry), '..', 'bin', 'napi-v6', platform, arch);
}

/**
 * The path of the ONNX Runtime library that `onnxruntime-node` ships.
 *
 * @throws {@link BackendError} when the package has no library for the platform
 */
export function findLibrary(platform: string = process.platform, arch: string = process.arch): string {
  const folder = binaryFolder(platform, arch);
  const pattern = libraryNames[platform];
  const file = existsSync(folder) && pattern ? readdirSync(folder).find((f) => pattern.test(f)) : undefined;
  if (file === undefined) {
    throw new BackendError(
      `onnxruntime-node has no ONNX Runtime library for ${platform}-${arch}: expected one in ${folder}. ` +
        'Reinstall onnxruntime-node, or use the "reference" backend.',
      { op: 'findLibrary', expected: folder, received: 'no library' },
    );
  }
  return join(folder, file);
}

/** The library that adds the device "cuda", where it belongs. */
export function cudaLibrary(): string {
  const name =
    process.platform === 'win32' ? 'onnxruntime_providers_cuda.dll' : 'libonnxruntime_providers_cuda.so';
  return join(binaryFolder(process.platform, process.arch), name);
}

/** The error for a device "cuda" that cannot be used, with what the runtime said about it. */
export function cudaError(cause: unknown): BackendError {
  const library = cudaLibrary();
  const missing = existsSync(library)
    ? 'CUDA 12 or cuDNN 9 could not be loaded'
    : `${library} is missing (it also needs CUDA 12 and cuDNN 9)`;
  const reason = cause instanceof Error ? ` ONNX Runtime says: ${cause.message}` : '';
  return new BackendError(
    `Device "cuda" is not available: ${missing}. Install the libraries with ` +
      `"ONNXRUNTIME_NODE_INSTALL=cuda12 npm rebuild onnxruntime-node", or use device: 'cpu'.${reason}`,
    { op: 'createSession', argument: 'device', expected: 'an available device', received: 'cuda', cause },
  );
}
