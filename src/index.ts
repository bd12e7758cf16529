/** Keras for TypeScript: define, train, fine-tune and ship neural networks in Node on native kernels. */

export * as applications from './applications/index.ts';
export * as backends from './backend/registry.ts';
export * as callbacks from './callbacks/index.ts';
export type { DType, TensorData } from './core/dtype.ts';
export { registerFunction } from './core/functions.ts';
export { globalSeed, setRandomSeed } from './core/seed.ts';
export type { PartialShape, Shape, TensorType } from './core/shape.ts';
export { type NestedArray, scalar, Tensor, type TensorLike, tensor } from './core/tensor.ts';
export * as datasets from './data/datasets.ts';
export * as data from './data/index.ts';
export * from './errors.ts';
export { register } from './formats/registered.ts';
export * from './functions/index.ts';
export { Value } from './ir/graph.ts';
export * as activations from './layers/activations.ts';
export * as constraints from './layers/constraints.ts';
export * as layers from './layers/index.ts';
export * as initializers from './layers/initializers.ts';
export { input } from './layers/input.ts';
export {
  type CallOptions,
  clearSession,
  Layer,
  layerOptions,
  type PartialShapes,
  type Values,
} from './layers/layer.ts';
export * as regularizers from './layers/regularizers.ts';
export { SymbolicTensor } from './layers/symbolic.ts';
export { addLoss, randomBernoulli, randomUniform } from './layers/trace.ts';
export { Weight } from './layers/weight.ts';
export { costOf, type ModelCost } from './models/cost.ts';
export { cutAt, type SplitModel, splitFrozen } from './models/cut.ts';
export { Functional, model } from './models/functional.ts';
export { loadModel } from './models/load.ts';
export { type Data, Model, modelOptions, type Prediction } from './models/model.ts';
export { type PlotOptions, plotModel } from './models/plot.ts';
export type { LayerPattern } from './models/select-layers.ts';
export { Sequential, sequential } from './models/sequential.ts';
export { stopGradient } from './ops/transform.ts';
export * as optimizers from './optimizers/public.ts';
export * as schedules from './optimizers/schedules.ts';
export { type QuantizeOptions, type QuantizeReport, quantize } from './quantize/index.ts';
export type { History, Logs } from './training/callback.ts';
export type { CompileOptions } from './training/compile.ts';
export type { BatchLike, BatchSource, DataLike, TargetsLike, WeightsLike } from './training/data.ts';
export { lossOptions } from './training/loss.ts';
export * as losses from './training/losses/index.ts';
export { metricOptions } from './training/metric.ts';
export * as metrics from './training/metrics/index.ts';
export type { EvaluateOptions, FitOptions, PredictOptions, ValidationData } from './training/options.ts';
export type { StepBatch, StepLosses } from './training/step-graph.ts';
export { version } from './version.ts';
