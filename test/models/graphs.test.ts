import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { graphText, recordGraph } from '../../models/graphs.ts';
import { referenceModels } from '../../models/index.ts';
import { graphSpecs } from '../../src/backend/backend.ts';
import { openDriver } from '../../src/backend/ort/open.ts';
import { allocate } from '../../src/core/dtype.ts';
import { sizeOf } from '../../src/core/shape.ts';
import type { Tensor } from '../../src/core/tensor.ts';
import { setRandomSeed } from '../../src/index.ts';
import { interpret } from '../../src/ir/interpret.ts';
import { toNDArray } from '../../src/ir/ndarray.ts';
import { emitModel } from '../../src/onnx/emit.ts';
import { expectClose, float32Tolerance } from '../helpers/close.ts';

const folder = join(process.cwd(), 'models');

test('every folder is listed', () => {
  const folders = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect(Object.keys(referenceModels).sort()).toEqual(folders.map((entry) => entry.name).sort());
});

describe.each(Object.entries(referenceModels))('%s', (name, reference) => {
  test('its graphs are those of graph.txt (`npm run goldens` records them)', () => {
    expect(graphText(reference)).toBe(readFileSync(join(folder, name, 'graph.txt'), 'utf8'));
  });

  test('predicts as the references do, in standard ONNX', async () => {
    const { graph, feeds } = recordGraph(reference, 'predict', 1);
    const model = emitModel(graph, { target: 'standard' });
    const { inputs, outputs } = graphSpecs(graph, model.inputNames, model.outputNames);
    const session = await (await openDriver()).createSession(model.bytes, inputs, outputs, {
      device: 'cpu',
      threads: 1,
    });
    const results = outputs.map(({ dtype, shape }) => allocate(dtype, sizeOf(shape)));
    await session
      .bind(
        feeds.map((t) => t.data),
        results,
      )
      .run()
      .finally(() => session.dispose());
    const expected = interpret(
      graph.outputs.map((o) => o.value),
      new Map(graph.inputs.map((value, i) => [value, toNDArray(feeds[i] as Tensor)])),
    );
    expected.forEach(({ data }, i) => {
      expectClose(results[i] ?? [], data, float32Tolerance, `output ${i}`);
    });
  });

  test('learns made data', async () => {
    setRandomSeed(1);
    const model = reference.build();
    model.compile({ ...reference.compile, threads: 1 });
    const { x, y } = reference.batch(4);
    const losses: number[] = [];
    for (let step = 0; step < 4; step++) losses.push((await model.trainOnBatch(x, y)).loss as number);
    model.dispose();
    expect(losses.at(-1)).toBeLessThan(losses[0] as number);
  });
});
