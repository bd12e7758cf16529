/** Viscosity of the standard test case. */
export const nu = 0.01 / Math.PI;

/**
 * Nodes and weights of Gauss-Hermite quadrature: `sum w f(z)` is the integral of `exp(-z^2) f(z)`. The nodes are the zeros
 * of the n-th Hermite function, between sign changes; `w = exp(-z^2) / (n h(n-1, z)^2)`.
 */
function gaussHermite(n: number): readonly (readonly [node: number, weight: number])[] {
  const hermite = (order: number, z: number): number => {
    let [before, now] = [0, Math.PI ** -0.25 * Math.exp((-z * z) / 2)];
    for (let k = 1; k <= order; k++) {
      [before, now] = [now, Math.sqrt(2 / k) * z * now - Math.sqrt((k - 1) / k) * before];
    }
    return now;
  };
  const grid = Array.from({ length: 40 * n + 2 }, (_, i) => Math.sqrt(2 * n + 1) * (i / (20 * n + 0.5) - 1));
  return grid.slice(1).flatMap((upper, i) => {
    let [low, high] = [grid[i] as number, upper];
    const sign = Math.sign(hermite(n, low));
    if (sign === Math.sign(hermite(n, high))) return [];
    for (let halving = 0; halving < 50; halving++) {
      const middle = (low + high) / 2;
      if (Math.sign(hermite(n, middle)) === sign) low = middle;
      else high = middle;
    }
    return [[low, Math.exp(-low * low) / (n * hermite(n - 1, low) ** 2)] as const];
  });
}

const quadrature = gaussHermite(100);

/**
 * The solution of Burgers' equation with u(x, 0) = -sin(pi x), by the Cole-Hopf transform: a ratio of two integrals.
 * @source Basdevant et al. 1986
 */
export function burgersSolution(x: number, t: number): number {
  if (t === 0) return -Math.sin(Math.PI * x);
  let [above, below] = [0, 0];
  for (const [node, weight] of quadrature) {
    const y = Math.PI * (x - Math.sqrt(4 * nu * t) * node);
    const f = weight * Math.exp(-Math.cos(y) / (2 * Math.PI * nu));
    above -= f * Math.sin(y);
    below += f;
  }
  return above / below;
}
