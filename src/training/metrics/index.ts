export {
  Metric,
  type MetricSpec,
  type MetricSums,
  metrics,
} from '../metric.ts';
export * from './accuracy.ts';
export * from './auc.ts';
export * from './confusion.ts';
export * from './correlation.ts';
export * from './f-score.ts';
export * from './iou.ts';
export { MeanMetric } from './mean.ts';
export * from './operating-point.ts';
export * from './probabilistic.ts';
export * from './r2-score.ts';
export { Mean, mean, Sum, sum } from './reduction.ts';
export * from './regression.ts';
export * from './wrapper.ts';
