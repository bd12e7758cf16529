import { expect, test } from '@jest/globals';
import { formatTable } from '../../src/cli/table.ts';
import { formatBytes, formatCount } from '../../src/cli/text.ts';

test('columns are as wide as they need; numbers stand to the right', () => {
  const rows = [
    ['a', '1.5', 'x'],
    ['long name', '12,000', 'y'],
  ];
  expect(formatTable(['Name', 'Size', ''], rows)).toBe(
    ['Name         Size', 'a             1.5  x', 'long name  12,000  y'].join('\n'),
  );
});

test.each([20, 40, 80])('a table fits a terminal of %i columns', (width) => {
  const rows = [['word '.repeat(20), 'other '.repeat(10), '7']];
  for (const line of formatTable(['One', 'Two', 'Three'], rows, { width }).split('\n'))
    expect(line.length).toBeLessThanOrEqual(width);
});

test.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1536, '1.50 KB'],
  [2 ** 31, '2.00 GB'],
])('%i bytes', (bytes, text) => expect(formatBytes(bytes)).toBe(text));

test.each([
  [7, '7 '],
  [12_345, '12.3 k'],
  [4_460_544, '4.46 M'],
])('a count of %i', (count, text) => expect(formatCount(count)).toBe(text));
