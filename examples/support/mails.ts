import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { shuffled } from './random.ts';

/** A mail without its headers. */
export interface Mail {
  readonly text: string;
  readonly isSpam: boolean;
}

/**
 * The mails of a folder with a folder for each kind (`easy-ham-1`, `spam-2`, ...), in a random order that is the same each
 * time. Headers are cut off, since they alone would tell spam from ham; of mails with the same text only one remains.
 */
export async function readMails(folder: string): Promise<Mail[]> {
  const mails = new Map<string, Mail>();
  const kinds = (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  for (const { name } of kinds.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const files = (await readdir(join(folder, name))).filter((file) => file.endsWith('.txt')).sort();
    for (const file of files) {
      const [, ...body] = (await readFile(join(folder, name, file), 'utf8')).split(/\r?\n\r?\n/);
      const text = body.join('\n\n').trim();
      if (text !== '') mails.set(text.replace(/\s+/g, ' '), { text, isSpam: name.startsWith('spam') });
    }
  }
  return shuffled([...mails.values()], 3);
}
