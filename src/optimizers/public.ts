export * from './adafactor.ts';
export * from './adagrad.ts';
export * from './adam.ts';
export * from './ftrl.ts';
export * from './lamb.ts';
export * from './lbfgs.ts';
export * from './lion.ts';
export * from './muon.ts';
export {
  commonOptions,
  Optimizer,
  optimizers,
  type SharedRule,
  type Slot,
  type Update,
  type UpdateInputs,
  type WeightInfo,
} from './optimizer.ts';
export * from './rmsprop.ts';
export * from './schedule-free-adam-w.ts';
export * from './sgd.ts';
