import type { DType } from '../core/dtype.ts';
import { formatType, type PartialShape } from '../core/shape.ts';
import type { LayerCall } from './layer.ts';

/** Where a symbolic tensor comes from. */
export interface Origin {
  readonly call: LayerCall;
  /** Which of the call's outputs. */
  readonly index: number;
  /** Which of the layer's calls. */
  readonly callIndex: number;
}

/** A tensor without data, of which only shape and type are known: what functional models are wired from. */
export class SymbolicTensor {
  readonly shape: PartialShape;
  readonly dtype: DType;
  readonly origin: Origin;

  constructor(shape: PartialShape, dtype: DType, origin: Origin) {
    this.shape = shape;
    this.dtype = dtype;
    this.origin = origin;
  }

  toString(): string {
    return `SymbolicTensor ${formatType(this)} of ${this.origin.call.layer.name}`;
  }
}
