import { expect, test } from '@jest/globals';
import { cartPole } from '../../examples/cart-pole.ts';
import { gan } from '../../examples/gan.ts';

test('a GAN puts four points in five on the eight modes', async () => {
  const { modes, share } = await gan(2000);
  expect(modes).toBe(8);
  expect(share).toBeGreaterThan(0.8);
});

test('policy gradients balance the pole for 450 of 500 steps', async () => {
  expect((await cartPole(150)).meanReturn).toBeGreaterThan(450);
});
