export * from './adagrad.ts';
export * from './adam.ts';
export * from './ftrl.ts';
export * from './lion.ts';
export { Optimizer, optimizers } from './optimizer.ts';
export * from './rmsprop.ts';
export * from './sgd.ts';
