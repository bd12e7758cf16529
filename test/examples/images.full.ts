import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { vae } from '../../examples/vae.ts';

test('a variational autoencoder of digits: 135 nats, and pictures', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tfk-vae-'));
  const file = join(folder, 'digits.svg');
  const { bound } = await vae(5, file);
  const drawing = await readFile(file, 'utf8');
  await rm(folder, { recursive: true });
  expect(bound).toBeLessThan(135);
  expect(drawing.match(/<rect/g)?.length).toBeGreaterThan(5000);
}, 120_000);
