import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { withFiles } from '../data/files.ts';
import { callTfk, pointsConfig, pointsNpz } from './run-tfk.ts';

test('tfk train --profile writes a trace with layer paths', () =>
  withFiles({ 'points.npz': pointsNpz() }, async (folder) => {
    await writeFile(join(folder, 'train.json'), pointsConfig(folder));
    const file = join(folder, 'trace.json');
    const { code, stderr } = await callTfk('train', join(folder, 'train.json'), '--quiet', '--profile', file);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const { traceEvents } = JSON.parse(await readFile(file, 'utf8')) as { traceEvents: { name: string }[] };
    const names = new Set(traceEvents.map((e) => e.name));
    expect([...names]).toEqual(expect.arrayContaining(['feed', 'run', 'optimizer']));
    expect([...names].some((name) => /^sequential\/dense\//.test(name))).toBe(true);
  }));
