/** Pieces that several families share. */

import type { SerializedObject } from '../core/configured.ts';
import { dense } from '../layers/dense.ts';
import { dropout } from '../layers/dropout.ts';
import { globalAveragePooling2d, globalMaxPooling2d } from '../layers/global-pooling.ts';
import type { Layer } from '../layers/layer.ts';
import type { SymbolicTensor } from '../layers/symbolic.ts';
import type { ApplicationOptions } from './assemble.ts';

/** Layers one after another. */
export const chain = (x: SymbolicTensor, ...layers: readonly Layer[]): SymbolicTensor =>
  layers.reduce((y, layer) => layer.apply(y), x);

/** Number of channels. */
export const channelsOf = (x: SymbolicTensor): number => x.shape.at(-1) as number;

/** Zeros before and after, so that a window of stride 2 ends where TensorFlow's `same` padding puts it. */
export function padForStride2(x: SymbolicTensor, kernel: number): [number, number][] {
  const half = Math.floor(kernel / 2);
  return x.shape.slice(1, 3).map((n) => [half - (n === null ? 1 : 1 - (n % 2)), half]);
}

/**
 * The multiple of `divisor` nearest to `n`, at least `divisor` and not more than a tenth below `n`.
 * @source Sandler et al. 2018, their reference implementation
 */
export function roundToMultiple(n: number, divisor = 8): number {
  const rounded = Math.max(divisor, Math.floor((n + divisor / 2) / divisor) * divisor);
  return rounded < 0.9 * n ? rounded + divisor : rounded;
}

/** Names of the pooling layers: Keras names them in some families, in others not. */
export interface PoolNames {
  readonly avg?: string;
  readonly max?: string;
}

/** The names of most families. */
export const poolNames: PoolNames = { avg: 'avg_pool', max: 'max_pool' };

/** Features without the classifier, pooled as asked for. */
export function pooled(
  x: SymbolicTensor,
  { pooling }: ApplicationOptions,
  names: PoolNames = {},
): SymbolicTensor {
  if (pooling === null) return x;
  const pool = pooling === 'avg' ? globalAveragePooling2d : globalMaxPooling2d;
  return pool(named(names[pooling])).apply(x);
}

interface TopOptions {
  /** Name of the pooling of the classifier. */
  readonly pool?: string;
  /** Names of the poolings without the classifier. */
  readonly names?: PoolNames;
  readonly dropout?: number;
  readonly kernelInitializer?: SerializedObject;
}

/** The end of most models: mean of each channel and a dense layer, or the features pooled as asked for. */
export function top(x: SymbolicTensor, options: ApplicationOptions, about: TopOptions = {}): SymbolicTensor {
  if (!options.includeTop) return pooled(x, options, about.names);
  const means = globalAveragePooling2d(named(about.pool)).apply(x);
  const kept = about.dropout ? dropout({ rate: about.dropout, name: 'top_dropout' }).apply(means) : means;
  const { kernelInitializer = 'glorotUniform' } = about;
  return predictions(options, { kernelInitializer }).apply(kept);
}

/** The dense layer that classifies. */
export const predictions = (
  { classes, classifierActivation }: ApplicationOptions,
  more: { readonly kernelInitializer?: SerializedObject | string } = {},
): Layer => dense({ units: classes, activation: classifierActivation, name: 'predictions', ...more });

/** The option `name`, if there is one. */
export const named = (name: string | undefined): { name?: string } => (name === undefined ? {} : { name });
