import { readFile } from 'node:fs/promises';
import { ConfigError } from '../errors.ts';
import { ioError, writeFileAtomic } from '../formats/atomic.ts';

/**
 * The tokens of a vocabulary file, one a line, for the option `vocabulary` of a lookup.
 * @param path - text in UTF-8
 * @throws {@link DataError} when it cannot be read
 */
export async function readVocabulary(path: string): Promise<string[]> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw ioError(error, path, 'read');
  });
  return text.replace(/\r?\n$/, '').split(/\r?\n/);
}

/**
 * Writes tokens, one a line: `writeVocabulary(path, layer.getVocabulary())`. Keras reads such files.
 * @throws {@link ConfigError} when a token has more than one line
 */
export async function writeVocabulary(path: string, tokens: readonly (string | number)[]): Promise<void> {
  const broken = tokens.find((token) => /[\r\n]/.test(String(token)));
  if (broken !== undefined) {
    throw new ConfigError(`${path}: expected tokens of one line. Received ${JSON.stringify(broken)}.`, {
      op: 'writeVocabulary',
      received: String(broken),
    });
  }
  await writeFileAtomic(path, Buffer.from(`${tokens.join('\n')}\n`));
}
