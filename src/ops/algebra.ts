import { provideCotangentAlgebra } from '../ir/autodiff.ts';
import { add } from './binary.ts';
import { broadcastTo, sumTo } from './shape.ts';
import { scalarConstant } from './support.ts';

// The reverse walk adds cotangents, sums broadcast ones down and starts from ones: three things it asks of the ops.
provideCotangentAlgebra({
  add,
  sumTo,
  fill: (like, value) => broadcastTo(scalarConstant(value, like.dtype), like.shape),
});
