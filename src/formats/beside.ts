import { basename, dirname, join } from 'node:path';
import { FormatError } from '../errors.ts';

/**
 * The path of a file that another names, which must lie in the same folder.
 * @throws {@link FormatError}
 */
export function besideOf(path: string, name: string): string {
  if (name === basename(name) && name !== '' && name !== '.' && name !== '..' && !name.includes('\\')) {
    return join(dirname(path), name);
  }
  throw new FormatError(`${path}: the part "${name}" is not in the same folder; it is not read.`, {
    op: 'read',
    received: name,
  });
}
