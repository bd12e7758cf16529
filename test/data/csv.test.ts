import { gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { type CsvOptions, csvToTensors, readCsv } from '../../src/data/index.ts';
import { ConfigError, DataError, FormatError } from '../../src/errors.ts';
import { withFiles } from './files.ts';

const read = (text: string | Uint8Array, options: CsvOptions = {}, name = 'a.csv') =>
  withFiles({ [name]: text }, (folder) => readCsv(`${folder}/${name}`, options));
const columns = async (text: string | Uint8Array, options: CsvOptions = {}, name = 'a.csv') =>
  Object.fromEntries((await read(text, options, name)).columns.map((c) => [c.name, [...c.values]]));

describe('readCsv', () => {
  test('types come from all rows', async () => {
    const table = await read('a,b,c\n1,2,x\n-1.5e3,n2,y\n');
    expect(table.rowCount).toBe(2);
    expect(table.columns.map((c) => [c.name, c.type])).toEqual([
      ['a', 'number'],
      ['b', 'string'],
      ['c', 'string'],
    ]);
    expect(table.columns.map((c) => [...c.values])).toEqual([
      [1, -1500],
      ['2', 'n2'],
      ['x', 'y'],
    ]);
  });

  test('quotes, doubled quotes, delimiters and line ends within quotes', async () => {
    const text = 'name,"the ""note"""\r\n"a,b","line 1\r\nline 2"\r\n"",plain\r\n"c""d",""""\r\n';
    expect(await columns(text, { missingValues: [] })).toEqual({
      name: ['a,b', '', 'c"d'],
      'the "note"': ['line 1\r\nline 2', 'plain', '"'],
    });
  });

  test('empty last cells, blank lines, a byte order mark and no line end at the end', async () => {
    const text = '\uFEFFa,b\n\n1,\n"2",\n\n3,4';
    expect(await columns(text, { missing: 'nan' })).toEqual({ a: [1, 2, 3], b: [Number.NaN, Number.NaN, 4] });
  });

  test('tabs, other delimiters and gzip', async () => {
    const expected = { a: [1], b: [2] };
    expect(await columns('a\tb\n1\t2\n', {}, 'a.tsv')).toEqual(expected);
    expect(await columns('a;b\n1;2\n', { delimiter: ';' })).toEqual(expected);
    expect(await columns(gzipSync('a\tb\n1\t2\n'), {}, 'a.tsv.gz')).toEqual(expected);
  });

  test('with and without a header', async () => {
    expect(await columns('1,2\n3,4\n')).toEqual({ column0: [1, 3], column1: [2, 4] });
    expect(await columns('1990,1991\n3,4\n', { header: true })).toEqual({ 1990: [3], 1991: [4] });
    expect(await columns('a,b\nc,d\n', { header: false })).toEqual({
      column0: ['a', 'c'],
      column1: ['b', 'd'],
    });
  });

  test('chosen columns; what is missing elsewhere does not matter', async () => {
    expect(await columns('a,b,c\n1,,3\n', { columns: ['c', 'a'] })).toEqual({ c: [3], a: [1] });
    await expect(read('alpha,b\n1,2\n', { columns: ['alhpa'] })).rejects.toThrow(/Did you mean "alpha"/);
  });

  test('records across the pieces in which the file is read', async () => {
    const long = 'é'.repeat(200_000);
    expect(await columns(`a,b\n"${long}\n${long}",1\n${long},2\n`)).toEqual({
      a: [`${long}\n${long}`, long],
      b: [1, 2],
    });
  });

  test.each([
    ['ragged row', 'a,b\n1,2\n"x\ny",2\n1,2,3\n', /a\.csv, line 5: expected 2 columns, found 3/],
    ['missing value', 'a,b\n1,2\n1,NA\n', /a\.csv, line 3: column "b" has no value/],
    ['open quote', 'a,b\n1,"2\n3,4\n', /a\.csv, line 2: a quote is opened and never closed/],
    ['text after a quote', 'a,b\n"1"x,"2"\n', /a\.csv, line 2: text follows the closing quote of cell 1/],
    ['quote within a cell', 'a,b\n1,2"x"\n', /a\.csv, line 2: cell 2 has a quote inside/],
    ['no rows', 'a,b\n', /a\.csv: the file has no rows/],
    ['empty file', '', /a\.csv: the file has no rows/],
    ['the same name twice', 'a,a\n1,2\n', /a\.csv: two columns are called "a"/],
    ['endless record', `a\n"${'x'.repeat(2 ** 24)}\n`, /line 2: a record has more than 16777216 characters/],
  ])('%s', async (_, text, message) => {
    await expect(read(text)).rejects.toThrow(DataError);
    await expect(read(text)).rejects.toThrow(message);
  });

  test('files that cannot be read, and options that cannot be', async () => {
    await expect(readCsv('/nonexistent/a.csv')).rejects.toThrow(DataError);
    await expect(read('no gzip', {}, 'a.csv.gz')).rejects.toThrow(FormatError);
    await expect(read('a\n1', { delimiter: ', ' })).rejects.toThrow(ConfigError);
    await expect(read('a\n1', { delimiter: '"' })).rejects.toThrow(ConfigError);
  });
});

describe('csvToTensors', () => {
  const convert = (text: string, options: Parameters<typeof csvToTensors>[1]) =>
    withFiles({ 'a.csv': text }, (folder) => csvToTensors(`${folder}/a.csv`, options));
  const iris = 'length,width,species,id\n5.1,3.5,setosa,1\n7,3.2,versicolor,2\n4.9,3,setosa,3\n';

  test('a target of texts gives class indices', async () => {
    const { x, y, classNames, featureNames } = await convert(iris, {
      target: 'species',
      features: ['width', 'length'],
    });
    expect(x.toString()).toBe(
      `Tensor float32[3,2] [3.5, ${Math.fround(5.1)}, ${Math.fround(3.2)}, 7, 3, ${Math.fround(4.9)}]`,
    );
    expect(y.toString()).toBe('Tensor int32[3] [0, 1, 0]');
    expect(classNames).toEqual(['setosa', 'versicolor']);
    expect(featureNames).toEqual(['width', 'length']);
  });

  test('a target of numbers stays; all other columns are features', async () => {
    const { x, y, classNames, featureNames } = await convert('a,b,c\n1,2,3\n4,5,6\n', { target: 'b' });
    expect(x.array()).toEqual([
      [1, 3],
      [4, 6],
    ]);
    expect(y.toString()).toBe('Tensor float32[2] [2, 5]');
    expect(featureNames).toEqual(['a', 'c']);
    expect(classNames).toBeUndefined();
  });

  test('a feature that is text is refused with its place', async () => {
    await expect(convert(iris, { target: 'id' })).rejects.toThrow(
      /line 2: feature "species" must be a number\. Received "setosa"/,
    );
  });

  test('missing features may be NaN, a missing target may not', async () => {
    const gaps = 'a,b\n?,x\n2,\n';
    const one = await convert('a,b\n?,x\n2,y\n', { target: 'b', missing: 'nan' });
    expect([...one.x.data]).toEqual([Number.NaN, 2]);
    await expect(convert(gaps, { target: 'b', missing: 'nan' })).rejects.toThrow(
      /line 3: column "b" has no value/,
    );
    await expect(convert(gaps, { target: 'b' })).rejects.toThrow(/line 2: column "a" has no value/);
    await expect(convert(gaps, { target: 'c' })).rejects.toThrow(ConfigError);
  });
});
