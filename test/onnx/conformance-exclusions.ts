/** Why cases of ONNX's conformance data are not run: by type, by operator, by case. */

/** Element types (ONNX's number) and kinds of values. */
export const excludedTypes: ReadonlyMap<number | string, string> = new Map<number | string, string>([
  [8, 'string tensors are not supported'],
  [10, 'float16 is not supported'],
  [14, 'complex numbers are not supported'],
  [15, 'complex numbers are not supported'],
  [16, 'bfloat16 is not supported'],
  ['sequence', 'only tensors are supported'],
  ['optional', 'only tensors are supported'],
]);

/** Operators. */
export const excludedOps: Readonly<Record<string, string>> = {};

/** Single cases. */
export const excludedCases: Readonly<Record<string, string>> = {};
