import './algebra.ts';

export * from './activation.ts';
export * from './binary.ts';
export * from './cast.ts';
export * from './clip.ts';
export * from './compare.ts';
export * from './concat.ts';
export * from './einsum.ts';
export * from './gather.ts';
export * from './matmul.ts';
export * from './ordering.ts';
export * from './pad.ts';
export * from './reduce.ts';
export * from './scatter.ts';
export * from './shape.ts';
export * from './slice.ts';
export * from './softmax.ts';
export * from './unary.ts';
