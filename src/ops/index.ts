import './algebra.ts';
import './batch-normalization.ts'; // used by layers only
import './layer-normalization.ts'; // used by layers only

// What users build with. A file that also has helpers for other ops names what is public.
export * from './activation.ts';
export {
  add,
  div,
  fmod,
  logaddexp,
  maximum,
  minimum,
  mod,
  mul,
  pow,
  squaredDifference,
  sub,
} from './binary.ts';
export * from './cast.ts';
export * from './clip.ts';
export * from './compare.ts';
export * from './concat.ts';
export { type ConvOptions, conv } from './conv.ts';
export * from './conv-transpose.ts';
export * from './einsum.ts';
export * from './gather.ts';
export { type GridSampleOptions, gridSample } from './grid-sample.ts';
export * from './loop.ts';
export { matmul } from './matmul.ts';
export * from './ordering.ts';
export { type PadMode, pad, tile } from './pad.ts';
export * from './pool.ts';
export * from './recurrent.ts';
export * from './reduce.ts';
export { depthToSpace, type Interpolation, type ResizeOptions, resize, spaceToDepth } from './resize.ts';
export { type ScatterReduction, scatterElements, scatterND } from './scatter.ts';
export { broadcastTo, expandDims, reshape, squeeze, transpose } from './shape.ts';
export * from './slice.ts';
export * from './softmax.ts';
export { identity, stopGradient } from './transform.ts';
export {
  abs,
  acos,
  acosh,
  asin,
  asinh,
  atan,
  atanh,
  ceil,
  cos,
  cosh,
  erf,
  exp,
  floor,
  log,
  neg,
  reciprocal,
  round,
  rsqrt,
  sigmoid,
  sign,
  sin,
  sinh,
  softplus,
  sqrt,
  square,
  tan,
  tanh,
} from './unary.ts';
export * from './upsample.ts';
