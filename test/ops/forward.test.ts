import { beforeAll, describe, expect, test } from '@jest/globals';
import { graphSpecs } from '../../src/backend/backend.ts';
import type { Driver } from '../../src/backend/ort/driver.ts';
import { openDriver } from '../../src/backend/ort/open.ts';
import { allocate, isFloat } from '../../src/core/dtype.ts';
import { formatType, sizeOf } from '../../src/core/shape.ts';
import type { Graph } from '../../src/ir/graph.ts';
import { opTable } from '../../src/ir/op.ts';
import { verify } from '../../src/ir/verify.ts';
import { emitModel } from '../../src/onnx/emit.ts';
import { readModel } from '../../src/onnx/read.ts';
import { onnxReaders } from '../../src/ops/onnx-readers.ts';
import { exact, expectClose, float32Tolerance } from '../helpers/close.ts';
import {
  caseOf,
  casesOf,
  differentiableInputs,
  evaluateGraph,
  feedsOf,
  graphOf,
} from '../helpers/op-samples.ts';

const readers = onnxReaders();
const ops = [...opTable.values()];
let driver: Driver;

beforeAll(async () => {
  driver = await openDriver();
});

/** Runs a graph natively just as it is, without passes: the ops' own lowering is under test. */
async function runNatively(graph: Graph, feeds: ReturnType<typeof feedsOf>, target: 'standard' | 'runtime') {
  const { bytes, inputNames, outputNames } = emitModel(verify(graph), { target });
  const { inputs, outputs } = graphSpecs(graph, inputNames, outputNames);
  const session = await driver.createSession(bytes, inputs, outputs, { device: 'cpu', threads: 1 });
  try {
    const results = outputs.map(({ dtype, shape }) => allocate(dtype, sizeOf(shape)));
    const binding = session.bind(
      feeds.map((feed) => feed.data),
      results,
    );
    binding.runSync();
    return results;
  } finally {
    session.dispose();
  }
}

describe.each(ops.map((op) => [op.name, op] as const))('%s', (_name, op) => {
  test('has samples that cover every differentiable input', () => {
    expect(op.samples.length).toBeGreaterThan(0);
    if (op.vjp === 'nondifferentiable') return;
    const wanted = Object.entries(op.inputs).filter(
      ([, spec]) => spec.differentiable && spec.dtypes.some(isFloat),
    );
    const covered = new Set(
      casesOf(op)
        .filter((c) => c.order > 0)
        .flatMap((c) => differentiableInputs(c.node).map((value) => String(value.node.attrs.name)))
        .map((name) => name.replace(/^\d+\./, '').replace(/\d+$/, '')),
    );
    for (const [name] of wanted) expect([...covered]).toContain(name.replace(/\d+$/, ''));
  });

  test.each(['standard', 'runtime'] as const)('reference and native %s kernels agree', async (target) => {
    const cases = casesOf(op);
    const values = cases.flatMap((c) => c.node.outputs);
    const labels = cases.flatMap((c) => c.node.outputs.map((y) => `${c.label}: ${formatType(y.type)}`));
    const graph = graphOf(op.name, cases, values);
    const feeds = feedsOf(graph, cases);
    const expected = evaluateGraph(graph, feeds);
    const actual = await runNatively(graph, feeds, target);
    expected.forEach(({ dtype, data }, i) => {
      expectClose(actual[i] ?? [], data, isFloat(dtype) ? float32Tolerance : exact, labels[i] as string);
    });
  });

  test('survives being written as ONNX and read again', () => {
    const cases = casesOf(op);
    const graph = graphOf(
      op.name,
      cases,
      cases.flatMap((c) => c.node.outputs),
    );
    const feeds = feedsOf(graph, cases);
    const { graph: read } = readModel(emitModel(graph, { target: 'standard' }).bytes, readers);
    const again = evaluateGraph(verify(read), feedsOf(read, cases));
    evaluateGraph(graph, feeds).forEach(({ dtype, shape, data }, i) => {
      expect(formatType(read.outputs[i]?.value.type ?? { dtype, shape: [] })).toBe(
        formatType({ dtype, shape }),
      );
      expectClose(again[i]?.data ?? [], data, isFloat(dtype) ? float32Tolerance : exact, `${op.name}, read`);
    });
  });

  test('refuses its error samples', () => {
    (op.errors ?? []).forEach((sample, index) => {
      expect(() => caseOf(op, sample, index)).toThrow(sample.throws);
    });
  });
});
