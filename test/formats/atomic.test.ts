import { chmod, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { DataError } from '../../src/errors.ts';
import { ioError, makeFolder, readBytes, writeFileAtomic } from '../../src/formats/atomic.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tfk-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('writeFileAtomic', () => {
  test('writes bytes, and chunks in order, over what was there', async () => {
    const path = join(folder, 'a.txt');
    await writeFileAtomic(path, bytes('first, and longer'));
    await writeFileAtomic(path, [bytes('sec'), bytes('ond')]);
    expect(await readFile(path, 'utf8')).toBe('second');
    async function* later() {
      yield bytes('third');
    }
    await writeFileAtomic(path, later());
    expect(await readFile(path, 'utf8')).toBe('third');
    expect(await readdir(folder)).toEqual(['a.txt']);
  });

  test('a failure half way leaves the old file and nothing else', async () => {
    const path = join(folder, 'a.txt');
    await writeFile(path, 'old');
    function* broken() {
      yield bytes('new');
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    }
    await expect(writeFileAtomic(path, broken())).rejects.toThrow(`Cannot write ${path}: the disk is full.`);
    const readOnly = ioError(Object.assign(new Error('write'), { code: 'EROFS' }), path, 'write');
    expect(String(readOnly)).toContain(`Cannot write ${path}: the file system is read-only. Use a folder`);
    expect(await readFile(path, 'utf8')).toBe('old');
    expect(await readdir(folder)).toEqual(['a.txt']);
  });

  test('keeps permissions and symbolic links', async () => {
    const path = join(folder, 'secret');
    await writeFile(path, 'old');
    await chmod(path, 0o600);
    await symlink(path, join(folder, 'link'));
    await writeFileAtomic(join(folder, 'link'), bytes('new'));
    expect(await readFile(path, 'utf8')).toBe('new');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await readdir(folder)).sort()).toEqual(['link', 'secret']);
  });

  test('says what is wrong with the path', async () => {
    const write = (path: string) => writeFileAtomic(path, bytes('x'));
    await expect(write(join(folder, 'no', 'a'))).rejects.toThrow(DataError);
    await expect(write(join(folder, 'no', 'a'))).rejects.toThrow(/no such file or folder/);
    await expect(write(folder)).rejects.toThrow(/this is a folder/);
    await writeFile(join(folder, 'file'), '');
    await expect(write(join(folder, 'file', 'a'))).rejects.toThrow(/not a folder/);
    expect(await readdir(folder)).toEqual(['file']);
  });
});

test('readBytes names the file that is missing', async () => {
  await expect(readBytes(join(folder, 'nothing'))).rejects.toThrow(/Cannot read .*nothing: no such file/);
  expect(await readBytes(bytes('x'))).toEqual(bytes('x'));
});

test('makeFolder makes those above, too, and says why it cannot', async () => {
  const path = join(folder, 'a', 'b', 'c');
  await makeFolder(path);
  await makeFolder(path);
  expect((await stat(path)).isDirectory()).toBe(true);
  const file = join(folder, 'file');
  await writeFile(file, '');
  await expect(makeFolder(file)).rejects.toThrow(
    `Cannot write ${file}: this is a file; a folder was expected.`,
  );
  await expect(makeFolder(join(file, 'b'))).rejects.toThrow('a part of the path is a file');
});
