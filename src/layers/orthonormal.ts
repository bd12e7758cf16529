/**
 * Random orthonormal vectors, evenly distributed: Gram-Schmidt on normal vectors, which is the QR
 * decomposition with a positive diagonal. Each vector is cleaned twice, because once loses orthogonality to
 * rounding.
 * @param count - at most `length`
 * @param normal - draws standard normal numbers
 * @source Stewart 1980; Giraud et al. 2005, "The loss of orthogonality in the Gram-Schmidt process"
 */
export function orthonormal(count: number, length: number, normal: () => number): Float64Array[] {
  const vectors: Float64Array[] = [];
  for (let k = 0; k < count; k++) {
    const vector = Float64Array.from({ length }, normal);
    for (let pass = 0; pass < 2; pass++) {
      for (const other of vectors) addScaled(vector, other, -dot(vector, other));
    }
    const norm = Math.sqrt(dot(vector, vector));
    vectors.push(vector.map((v) => v / norm));
  }
  return vectors;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

/** `a += factor * b`. */
function addScaled(a: Float64Array, b: Float64Array, factor: number): void {
  for (let i = 0; i < a.length; i++) a[i] = (a[i] as number) + factor * (b[i] as number);
}
