import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { fashionResnet } from '../../examples/fashion-resnet.ts';
import { vae } from '../../examples/vae.ts';
import { data } from '../../src/index.ts';
import { testWith } from './data-files.ts';

test('a variational autoencoder of digits: 135 nats, and pictures', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tfk-vae-'));
  const file = join(folder, 'digits.png');
  const { bound } = await vae(5, file);
  const picture = await data.loadImg(file, { colorMode: 'grayscale' });
  await rm(folder, { recursive: true });
  expect(bound).toBeLessThan(135);
  expect(picture.shape).toEqual([150, 300, 1]);
  expect([...picture.data].filter((shade) => Number(shade) > 128).length).toBeGreaterThan(3000);
});

const { testIt } = testWith([`${process.env.TFK_DATA}/fashion-mnist`, '/usr/share/datasets/fashion-mnist']);

testIt('a ResNet tells clothes apart after a hundred steps', async () => {
  expect((await fashionResnet(1, { samples: 12_800 })).accuracy).toBeGreaterThan(0.7);
});
