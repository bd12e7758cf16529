import { describe, expect, test } from '@jest/globals';
import { atOnce, inTurns, type Pieces } from '../../src/core/event-loop.ts';

/** Counts to `count`; each piece takes some time. */
function* counting(count: number, milliseconds: number): Pieces<number> {
  for (let i = 0; i < count; i++) {
    const end = performance.now() + milliseconds;
    while (performance.now() < end);
    yield;
  }
  return count;
}

describe('work in pieces', () => {
  test('is the same at once and in turns', async () => {
    expect(atOnce(counting(3, 0))).toBe(3);
    expect(await inTurns(counting(3, 0))).toBe(3);
  });

  test('in turns lets other work be done in between', async () => {
    let turns = 0;
    const count = (): void => {
      turns++;
      waiting = setImmediate(count);
    };
    let waiting = setImmediate(count);
    await inTurns(counting(10, 5));
    clearImmediate(waiting);
    expect(turns).toBeGreaterThanOrEqual(10);
  });

  test('errors come out', async () => {
    function* failing(): Pieces<never> {
      yield;
      throw new RangeError('no');
    }
    expect(() => atOnce(failing())).toThrow(RangeError);
    await expect(inTurns(failing())).rejects.toThrow(RangeError);
  });
});
