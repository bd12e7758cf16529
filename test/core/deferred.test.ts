import { types } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { kinds } from '../../src/config/kinds.ts';
import { deferred } from '../../src/core/deferred.ts';

describe('deferred', () => {
  test('makes its object once, when something of it is asked for', () => {
    let made = 0;
    const point = deferred(() => {
      made++;
      return { x: 3, y: 4 };
    });
    expect(made).toBe(0);
    expect(point.x).toBe(3);
    expect('y' in point).toBe(true);
    expect({ ...point }).toEqual({ x: 3, y: 4 });
    expect(made).toBe(1);
  });

  test('is an object of the same class, and may be without what the other is without', () => {
    const date = deferred(() => new Date(86_400_000));
    expect(date).toBeInstanceOf(Date);
    const frozen = deferred(() => Object.freeze({ x: 3 }));
    expect(Object.entries(frozen)).toEqual([['x', 3]]);
    expect(Object.getOwnPropertyDescriptor(frozen, 'y')).toBeUndefined();
  });

  test('holds the options of every class that a config can name', () => {
    const early = [...kinds].flatMap(([kind, classes]) =>
      classes
        .names()
        .filter((name) => !types.isProxy(classes.get(name).schema))
        .map((name) => `${kind} ${name}`),
    );
    expect(early).toEqual([]);
  });
});
