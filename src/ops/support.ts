import { allDtypes, type DType, floatDtypes, numericDtypes } from '../core/dtype.ts';
import { broadcastShapes, type Shape, type TensorType } from '../core/shape.ts';
import { scalar, Tensor } from '../core/tensor.ts';
import { ConfigError, DtypeError } from '../errors.ts';
import { constant, constantOf, Value } from '../ir/graph.ts';
import type { InputSpec } from '../ir/op.ts';

/** A value, or a number that takes the element type of the other operand. */
export type ValueLike = Value | number;

/** Inputs of floating point, differentiable. */
export const float = { dtypes: floatDtypes, differentiable: true } as const satisfies InputSpec;
/** Inputs of any numeric type, differentiable where floating. */
export const numeric = { dtypes: numericDtypes, differentiable: true } as const satisfies InputSpec;
/** Inputs of any type, differentiable where floating. */
export const anything = { dtypes: allDtypes, differentiable: true } as const satisfies InputSpec;
/** Inputs of any type through which no gradient flows. */
export const discrete = { dtypes: allDtypes, differentiable: false } as const satisfies InputSpec;
export const bool = { dtypes: ['bool'], differentiable: false } as const satisfies InputSpec;
/** Indices: `int32` or `int64`. */
export const index = { dtypes: ['int32', 'int64'], differentiable: false } as const satisfies InputSpec;

/** Numbers of the axes from `first` on, of `rank`. */
export const axesFrom = (first: number, rank: number): number[] =>
  Array.from({ length: rank - first }, (_, i) => first + i);

/** A scalar constant. */
export const scalarConstant = (value: number, dtype: DType): Value => constant(scalar(value, dtype));

/** Both operands as values of one type; a number takes the type of the other operand. */
export function liftPair(a: ValueLike, b: ValueLike, op: string): [Value, Value] {
  if (a instanceof Value) return [a, b instanceof Value ? b : scalarConstant(b, a.dtype)];
  if (b instanceof Value) return [scalarConstant(a, b.dtype), b];
  throw new ConfigError(`${op}: at least one operand must be a value; received two numbers.`, { op });
}

/** `x` as a value, a number taking the type of `like`. */
export const lift = (x: ValueLike, like: Value): Value =>
  x instanceof Value ? x : scalarConstant(x, like.dtype);

/** Type of an elementwise result: equal element types, broadcast shapes. */
export function broadcastTypes(types: readonly TensorType[], op: string): TensorType {
  const [first] = types as readonly [TensorType, ...TensorType[]];
  const other = types.find((t) => t.dtype !== first.dtype);
  if (other !== undefined) {
    throw new DtypeError(
      `${op}: operands have different element types, ${first.dtype} and ${other.dtype}. Use cast() on one of them.`,
      { op, expected: first.dtype, received: other.dtype },
    );
  }
  return {
    dtype: first.dtype,
    shape: broadcastShapes(
      types.map((t) => t.shape),
      op,
    ),
  };
}

/** Constants up to this size are looked through for being one number. */
const examinedSize = 4096;

/** The one number that fills a constant, e.g. `0` for zeros of any shape; `undefined` for anything else. */
export function constantFill(value: Value): number | undefined {
  const known = constantOf(value);
  if (known === undefined || known.size === 0) return undefined;
  const first = Number(known.data[0]);
  return known.size <= examinedSize && known.data.every((v) => Number(v) === first) ? first : undefined;
}

/** A constant of `shape`; large ones should be a broadcast scalar instead. */
export const filled = (shape: Shape, value: number, dtype: DType): Value => {
  const data = new Tensor('float64', shape, new Float64Array(shape.reduce((a, b) => a * b, 1)).fill(value));
  return constant(data.cast(dtype));
};
