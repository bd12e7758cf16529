import { spawnSync } from 'node:child_process';
import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { withFiles } from '../data/files.ts';
import { callTfk, pointsConfig, pointsNpz } from './run-tfk.ts';

const main = fileURLToPath(new URL('../../tfk/main.js', import.meta.url));
const files = { 'points.npz': pointsNpz(), file: 'no folder' };

describe('tfk train where it cannot write', () => {
  // the limit of the shell stands for a full disk: writing beyond it fails on the way
  const posix = process.platform === 'win32' ? test.skip : test;

  posix('on a disk that is full', () =>
    withFiles(files, async (folder) => {
      await writeFile(join(folder, 'train.json'), pointsConfig(folder));
      const command = `ulimit -f 6 && exec "${process.execPath}" "${main}" train train.json --quiet`;
      const { status, stderr } = spawnSync('bash', ['-c', command], { cwd: folder, encoding: 'utf8' });
      expect([status, stderr]).toEqual([
        3,
        expect.stringMatching(/Cannot write .*run.*: the file would be larger/),
      ]);
      expect(stderr).not.toMatch(/^\s+at /m);
      const left = await readdir(join(folder, 'run'), { recursive: true });
      expect(left.filter((name) => name.endsWith('.tmp') || name.endsWith('model.keras'))).toEqual([]);
    }),
  );

  // root may write anywhere: it becomes somebody else, who must be able to read the program
  const user = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
  const read = `require('node:fs').readFileSync(${JSON.stringify(main)})`;
  const isReadable = spawnSync(process.execPath, ['-e', read], user).status === 0;

  (isReadable ? posix : test.skip)('into a folder that is read-only', () =>
    withFiles(files, async (folder) => {
      await writeFile(join(folder, 'train.json'), pointsConfig(folder));
      await mkdir(join(folder, 'run'));
      await chmod(join(folder, 'run'), 0o555);
      await chmod(folder, 0o755);
      const options = { cwd: folder, encoding: 'utf8', ...user } as const;
      for (const output of ['run', 'run/below']) {
        const { status, stderr } = spawnSync(
          process.execPath,
          [main, 'train', 'train.json', '--quiet', '--output', output],
          options,
        );
        expect([status, stderr]).toEqual([
          3,
          expect.stringMatching(
            /Cannot write run.*: permission denied. Check its owner and mode, or use another/,
          ),
        ]);
        expect(stderr).not.toMatch(/^\s+at /m);
      }
    }),
  );

  test('into a path that is a file, or below one', () =>
    withFiles(files, async (folder) => {
      const path = join(folder, 'train.json');
      await writeFile(path, pointsConfig(folder));
      for (const output of [join(folder, 'file'), join(folder, 'file', 'run')]) {
        const { code, stderr } = await callTfk('train', path, '--output', output);
        expect([code, stderr]).toEqual([3, expect.stringMatching(/Cannot write .*file/)]);
      }
    }));

  test('a config nested beyond all reason', () =>
    withFiles(files, async (folder) => {
      const path = join(folder, 'train.json');
      await writeFile(path, `{"model":${'['.repeat(100_000)}${']'.repeat(100_000)}}`);
      const { code, stderr } = await callTfk('train', path);
      expect([code, stderr]).toEqual([3, expect.stringContaining('nested more than')]);
    }));
});
