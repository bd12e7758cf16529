import { expect, test } from '@jest/globals';
import { callbacks } from '../../src/index.ts';
import { column, oneWeight, quiet } from '../helpers/small-models.ts';

const [x, y] = [column(1, 2, -1, 0.5), column(2, 3, -1, 1)];

test('history keeps what fit returns, over several calls', async () => {
  const [model, history] = [oneWeight(0.2), callbacks.history()];
  const first = await model.fit(x, y, { ...quiet, epochs: 2, callbacks: [history] });
  expect(history.history).toEqual(first);
  const second = await model.fit(x, y, { ...quiet, epochs: 1, callbacks: [history] });
  expect(history.history.loss).toEqual([...(first.loss ?? []), ...(second.loss ?? [])]);
  expect(history.epoch).toEqual([0]);
  const other = callbacks.history();
  other.restore(history.state());
  expect(other.history).toEqual(history.history);
});

test('a list of callbacks serves a loop of your own', async () => {
  const [history, seen] = [callbacks.history(), [] as string[]];
  const list = new callbacks.CallbackList([
    callbacks.lambda({ onEpochEnd: (epoch) => void seen.push(`end ${epoch}`) }),
    history,
  ]);
  await list.call('onTrainBegin', {});
  for (const epoch of [0, 1]) {
    await list.call('onEpochBegin', epoch, {});
    await list.call('onEpochEnd', epoch, { loss: 1 / (epoch + 1) });
  }
  expect(seen).toEqual(['end 0', 'end 1']);
  expect(history.history).toEqual({ loss: [1, 0.5] });
  expect([list.wants('onEpochEnd'), list.wants('onTrainBatchEnd')]).toEqual([true, false]);
});
