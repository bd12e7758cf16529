import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { burgers } from '../../examples/burgers.ts';
import { heatInverse } from '../../examples/heat-inverse.ts';
import { wave } from '../../examples/wave.ts';

test("Burgers' equation: L-BFGS goes on where Adam stopped", async () => {
  const { afterAdam, afterLbfgs } = await burgers(50, 10);
  expect(afterAdam).toBeLessThan(1);
  expect(afterLbfgs).toBeLessThan(0.5);
});

test('the diffusivity is found to a percent from noisy measurements, and drawn', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tfk-heat-'));
  const file = join(folder, 'heat.svg');
  const { diffusivity, error } = await heatInverse(50, file);
  const drawing = await readFile(file, 'utf8');
  await rm(folder, { recursive: true });
  expect(Math.abs(diffusivity / 0.1 - 1)).toBeLessThan(0.01);
  expect(error).toBeLessThan(0.04);
  expect(drawing.match(/<polyline/g)).toHaveLength(2);
});

test('the wave equation in two dimensions is solved to 5%, and drawn', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tfk-wave-'));
  const file = join(folder, 'wave.svg');
  const { error } = await wave(60, file);
  const drawing = await readFile(file, 'utf8');
  await rm(folder, { recursive: true });
  expect(error).toBeLessThan(0.05);
  expect(drawing.match(/<polyline/g)).toHaveLength(8);
});
