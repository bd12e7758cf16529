import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import { Callback, callbacks, type Logs } from '../training/callback.ts';

const schema = deferred(() =>
  z.strictObject({
    /** Address of the server. */
    root: z.string().default('http://localhost:9000'),
    /** Where on the server. */
    path: z.string().default('/publish/epoch/end/'),
    /** Form field that holds the JSON text. */
    field: z.string().default('data'),
    headers: z.record(z.string(), z.string()).nullable().default(null),
    /** Whether the JSON is the body itself, not a field of a form. */
    sendAsJson: z.boolean().default(false),
  }),
);

/**
 * Sends the logs of each epoch to a server by POST: `{ epoch, loss, ... }`. A server that does not answer is a warning.
 * @source keras/src/callbacks/remote_monitor.py
 */
export class RemoteMonitor extends Callback<typeof schema> {
  static override readonly className = 'RemoteMonitor';
  static override readonly schema = schema;

  override async onEpochEnd(epoch: number, logs: Logs): Promise<void> {
    const { root, path, field, headers, sendAsJson } = this.options;
    const text = JSON.stringify({ epoch, ...logs });
    const json = { 'content-type': 'application/json' };
    try {
      await fetch(root + path, {
        method: 'POST',
        headers: { ...(sendAsJson && json), ...headers },
        body: sendAsJson ? text : new URLSearchParams({ [field]: text }),
      });
    } catch {
      process.emitWarning(`remoteMonitor: no answer from ${root}.`, 'TfkWarning');
    }
  }
}

/** Sends the logs of each epoch to a server. @see {@link RemoteMonitor} */
export const remoteMonitor = (options: z.input<typeof schema> = {}): RemoteMonitor =>
  new RemoteMonitor(options);

callbacks.register(RemoteMonitor);
