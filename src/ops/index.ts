import './algebra.ts';

export * from './binary.ts';
export * from './cast.ts';
export * from './clip.ts';
export * from './compare.ts';
export * from './matmul.ts';
export * from './reduce.ts';
export * from './shape.ts';
export * from './softmax.ts';
export * from './unary.ts';
