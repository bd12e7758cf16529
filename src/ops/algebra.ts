import { provideAlgebra } from '../ir/algebra.ts';
import { addAll } from './matmul.ts';
import { broadcastTo, reshape, sumTo, transpose } from './shape.ts';
import { scalarConstant } from './support.ts';

// The few things that the engine asks of the ops.
provideAlgebra({
  sum: addAll,
  sumTo,
  fill: (like, value) => broadcastTo(scalarConstant(value, like.dtype), like.shape),
  transpose,
  reshape,
  broadcastTo,
});
