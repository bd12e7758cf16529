export { Callback, callbacks } from '../training/callback.ts';
export { ProgbarLogger } from '../training/progress.ts';
export * from './early-stopping.ts';
export * from './learning-rate.ts';
export * from './model-checkpoint.ts';
export * from './small.ts';
