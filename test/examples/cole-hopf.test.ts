import { expect, test } from '@jest/globals';
import { burgersSolution, nu } from '../../examples/support/cole-hopf.ts';

test("the solution of Burgers' equation has the published slope, its steepest, at t = 1.6037 / pi", () => {
  const slope = (t: number) => burgersSolution(1e-6, t) / 1e-6;
  // Basdevant et al. 1986, table 1
  expect(Math.abs(slope(1.6037 / Math.PI) + 152.00516)).toBeLessThan(0.05);
  expect(slope(0.45)).toBeGreaterThan(slope(1.6037 / Math.PI));
});

test.each([
  [0.5, 0.3],
  [-0.2, 0.7],
])('it holds at (%d, %d)', (x, t) => {
  const [u, h] = [burgersSolution, 1e-4];
  const ut = (u(x, t + h) - u(x, t - h)) / (2 * h);
  const ux = (u(x + h, t) - u(x - h, t)) / (2 * h);
  const uxx = (u(x + h, t) - 2 * u(x, t) + u(x - h, t)) / h ** 2;
  expect(Math.abs(ut + u(x, t) * ux - nu * uxx)).toBeLessThan(1e-4);
  expect(u(x, 0)).toBeCloseTo(-Math.sin(Math.PI * x), 12);
});
