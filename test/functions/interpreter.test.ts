import { spawnSync } from 'node:child_process';
import { expect, test } from '@jest/globals';

const script = `
  const { ops, tensor } = await import(process.argv[1]);
  console.log(ops.add(tensor([1, 2]), 1).toString(), ops.neg(tensor([3])).toString());`;

test('without the C API, ops on tensors are interpreted, and one warning says so', () => {
  const args = ['--input-type=module', '-e', script, new URL('../../src/index.js', import.meta.url).href];
  const { stdout, stderr } = spawnSync(process.execPath, args, {
    env: { ...process.env, NODE_OPTIONS: '', TFK_DRIVER: 'js' },
    encoding: 'utf8',
  });
  expect(stdout).toBe('Tensor float32[2] [2, 3] Tensor float32[1] [-3]\n');
  expect(stderr.match(/TfkWarning: .*float64 interpreter.*TFK_DRIVER is "js"/g)).toHaveLength(1);
});
