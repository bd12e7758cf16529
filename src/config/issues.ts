import * as z from 'zod';
import { nearest } from '../core/registry.ts';

/** Something wrong at a place of the config. */
export interface Problem {
  readonly path: PropertyKey[];
  readonly message: string;
}

/** The message about keys that are not among those known; it stands behind the path of the first. */
export function unknownKeys([first, ...others]: readonly string[], known: readonly string[]): string {
  const hint = first === undefined ? undefined : nearest(first, known);
  const also = others.length > 0 ? ` So are: ${others.join(', ')}.` : '';
  const list = known.length > 0 ? `Known: ${known.join(', ')}` : 'No options are known here';
  return `unknown key.${hint ? ` Did you mean "${hint}"?` : ''}${also} ${list}`;
}

/** An object that refuses keys it does not know, with the nearest one as a suggestion. */
export const strict = <S extends z.core.$ZodLooseShape>(shape: S) =>
  z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys' ? unknownKeys(issue.keys, Object.keys(shape)) : undefined,
  });

/** What zod found, each with what stands at its place of `input`. */
export const problemsOf = (issues: readonly z.core.$ZodIssue[], input: unknown): Problem[] =>
  issues.map((issue) => {
    const { path, message } = issue;
    if (issue.code === 'custom') return { path, message };
    if (issue.code === 'unrecognized_keys') return { path: [...path, ...issue.keys.slice(0, 1)], message };
    const given = valueAt(input, path);
    const received = given === undefined ? 'nothing' : JSON.stringify(given);
    return { path, message: `${expected(message)}. Received ${shorten(received)}` };
  });

/** What stands at a path of plain data. */
export const valueAt = (data: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>(
    (at, key) => (typeof at === 'object' && at !== null ? Reflect.get(at, key) : undefined),
    data,
  );

/** `compile.optimizer.learningRate: expected a number. Received "fast".` */
export const describeProblem = ({ path, message }: Problem): string =>
  `${path.length > 0 ? `${path.join('.')}: ` : ''}${message.replace(/\.?$/, '.')}`;

const expected = (message: string): string =>
  message
    .replace(/^Invalid input: /, '')
    .replace(/^Invalid option: /, '')
    .replace(/, received \w+$/, '')
    .replace(/\.$/, '');

const shorten = (text: string): string => (text.length > 80 ? `${text.slice(0, 77)}...` : text);
