export {
  Loss,
  type LossSpec,
  losses,
  type Reduction,
} from '../loss.ts';
export * from './circle.ts';
export * from './crossentropy.ts';
export * from './ctc.ts';
export * from './hinge.ts';
export * from './make.ts';
export * from './overlap.ts';
export * from './regression.ts';
export * from './sparse.ts';
