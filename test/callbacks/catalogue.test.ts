import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, jest, test } from '@jest/globals';
import { callbacks, type Model, optimizers } from '../../src/index.ts';
import { column, oneWeight, quiet, weightOf } from '../helpers/small-models.ts';

const [x, y] = [column(1, 2, -1, 0.5), column(2, 3, -1, 1)];

describe('swapEMAWeights', () => {
  const train = (list: callbacks.Callback[], epochs = 2): Promise<Model> => {
    const optimizer = optimizers.sgd({ learningRate: 0.1, useEma: true, emaMomentum: 0.5 });
    const model = oneWeight(0.2, { optimizer });
    return model.fit(x, y, { ...quiet, epochs, callbacks: list, validationData: [x, y] }).then(() => model);
  };

  test('validates with the running means, and trains with the weights', async () => {
    const seen: number[] = [];
    const look = callbacks.lambda({
      onTestBegin: () => void seen.push(weightOf(model as Model)),
      onEpochEnd: () => void seen.push(weightOf(model as Model)),
    });
    let model: Model | undefined;
    const optimizer = optimizers.sgd({ learningRate: 0.1, useEma: true, emaMomentum: 0.5 });
    model = oneWeight(0.2, { optimizer });
    const swap = callbacks.swapEMAWeights({ swapOnEpoch: true });
    await model.fit(x, y, { ...quiet, epochs: 2, callbacks: [swap, look], validationData: [x, y] });
    const [plain, averaged] = [await train([]), weightOf(model)];
    expect(averaged).toBe(weightOf(plain)); // the swaps leave no trace
    expect(seen[0]).toBe(seen[1]);
    expect(seen[3]).toBe(averaged);
  });

  test('needs an optimizer that keeps them', async () => {
    const model = oneWeight(0.2);
    const list = [callbacks.swapEMAWeights({ swapOnEpoch: true })];
    await expect(model.fit(x, y, { ...quiet, callbacks: list })).rejects.toThrow('useEma: true');
    await expect(
      oneWeight(0.2).evaluate(x, y, { verbose: 0, callbacks: [callbacks.swapEMAWeights()] }),
    ).rejects.toThrow('Train the model first');
  });
});

describe('remoteMonitor', () => {
  const bodyOf = async (request: IncomingMessage): Promise<string> => {
    let text = '';
    for await (const part of request) text += part;
    return text;
  };

  test('posts the logs of every epoch, as a form or as JSON', async () => {
    const received: string[] = [];
    const server = createServer(async (request, response) => {
      received.push(`${request.url} ${request.headers['x-run']} ${await bodyOf(request)}`);
      response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const root = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const headers = { 'x-run': '7' };
      const form = callbacks.remoteMonitor({ root, headers });
      const json = callbacks.remoteMonitor({ root, headers, path: '/in', sendAsJson: true });
      const { loss = [] } = await oneWeight(0.2).fit(x, y, { ...quiet, callbacks: [form, json] });
      const text = JSON.stringify({ epoch: 0, loss: loss[0] });
      expect(received).toEqual([
        `/publish/epoch/end/ 7 ${new URLSearchParams({ data: text })}`,
        `/in 7 ${text}`,
      ]);
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });

  test('warns of a server that does not answer', async () => {
    const warn = jest.spyOn(process, 'emitWarning').mockReturnValue();
    const list = [callbacks.remoteMonitor({ root: 'http://127.0.0.1:9' })];
    await oneWeight(0.2).fit(x, y, { ...quiet, callbacks: list });
    expect(String(warn.mock.calls[0]?.[0])).toContain('no answer from http://127.0.0.1:9');
    warn.mockRestore();
  });
});
