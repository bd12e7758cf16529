import { afterAll, describe, test } from '@jest/globals';
import { getBackend } from '../../src/backend/registry.ts';
import { isFloat } from '../../src/core/dtype.ts';
import { formatType } from '../../src/core/shape.ts';
import type { Tensor } from '../../src/core/tensor.ts';
import { FormatError } from '../../src/errors.ts';
import { type Graph, inputName } from '../../src/ir/graph.ts';
import { encodeModel, type OperatorSetIdProto } from '../../src/onnx/proto.ts';
import { readModel } from '../../src/onnx/read.ts';
import { onnxReaders } from '../../src/ops/onnx-readers.ts';
import { exact, expectClose } from '../helpers/close.ts';
import { type ConformanceCase, conformanceCases, testData, typesOf } from './conformance-cases.ts';
import { excludedCases, excludedOps, excludedTypes } from './conformance-exclusions.ts';

/** The tolerance of ONNX's own runner, with room for float32 near zero. */
const tolerance = { rtol: 1e-3, atol: 1e-5 };
const readers = onnxReaders();

/** Cases name the version that defined their operator; one before 7, the oldest we read, has not changed since. */
const raised = ({ domain, version }: OperatorSetIdProto): OperatorSetIdProto => ({
  domain,
  version: domain === '' ? Math.max(7, version) : version,
});

/** Reads a case; inputs that shapes depend on are fixed to the case's data. */
function readCase({ model }: ConformanceCase, inputs: readonly Tensor[]): Graph {
  const names = model.graph.inputs.map((info) => info.name);
  const fed = new Map(names.map((name, i) => [name, inputs[i] as Tensor]));
  const dims = Object.fromEntries(
    model.graph.inputs.flatMap(({ name, type }, i) =>
      type?.kind === 'tensor'
        ? (type.shape ?? []).map((dim, axis) => [dim ?? `${name}.${axis}`, inputs[i]?.shape[axis] ?? 0])
        : [],
    ),
  );
  const constants: Record<string, Tensor> = {};
  const bytes = encodeModel({ ...model, opsetImports: model.opsetImports.map(raised) });
  for (;;) {
    try {
      return readModel(bytes, readers, { dims, constants }).graph;
    } catch (error) {
      const wanted = error instanceof FormatError ? (error.argument ?? '') : '';
      if (!fed.has(wanted) || wanted in constants) throw error;
      constants[wanted] = fed.get(wanted) as Tensor;
    }
  }
}

async function runCase(c: ConformanceCase): Promise<void> {
  const inputs = c.tensors('input');
  const expected = c.tensors('output');
  const names = c.model.graph.inputs.map((info) => info.name);
  const graph = readCase(c, inputs);
  const feeds = graph.inputs.map((value) => inputs[names.indexOf(inputName(value))] as Tensor);
  for (const name of ['reference', 'onnxruntime']) {
    const executable = await (await getBackend(name)).compile(graph, { threads: 1 });
    const actual = await executable.run(feeds).finally(() => executable.dispose());
    expected.forEach((want, i) => {
      const got = actual[i] as Tensor;
      const label = `${c.name} on ${name}, output ${i}`;
      if (formatType(got) !== formatType(want))
        throw new Error(`${label} is ${formatType(got)}, expected ${formatType(want)}.`);
      expectClose(got.data, want.data, isFloat(want.dtype) ? tolerance : exact, label);
    });
  }
}

async function failureOf(c: ConformanceCase): Promise<string | undefined> {
  try {
    await runCase(c);
    return undefined;
  } catch (error) {
    return `${c.name}: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** Why a case is not run; `undefined` where it is. */
function exclusion(c: ConformanceCase): string | undefined {
  const type = typesOf(c).find((t) => excludedTypes.has(t));
  if (type !== undefined) return excludedTypes.get(type);
  const op = c.model.graph.nodes.map((node) => node.opType).find((t) => t in excludedOps);
  if (op !== undefined) return `${op}: ${excludedOps[op]}`;
  return excludedCases[c.name];
}

const cases = conformanceCases();
const byOp = new Map<string, ConformanceCase[]>();
for (const c of cases) byOp.set(c.op, [...(byOp.get(c.op) ?? []), c]);
const passed = new Map<string, number>();
const excluded = new Map<string, string[]>();

if (cases.length === 0) {
  test.skip(`ONNX conformance: no data in ${testData}; install libonnx-testdata or set TFK_ONNX_TESTDATA`, () => {});
} else {
  describe('ONNX conformance', () => {
    test.each([...byOp].map(([op, list]) => ({ op, list })))('$op', async ({ op, list }) => {
      const failures: string[] = [];
      for (const c of list) {
        const reason = exclusion(c);
        const failure = reason === undefined || c.name in excludedCases ? await failureOf(c) : undefined;
        if (reason === undefined && failure !== undefined) failures.push(failure);
        if (c.name in excludedCases && failure === undefined)
          failures.push(`${c.name} passes; do not exclude it`);
        if (reason !== undefined) excluded.set(op, [...(excluded.get(op) ?? []), reason]);
        else if (failure === undefined) passed.set(op, (passed.get(op) ?? 0) + 1);
      }
      if (failures.length > 0)
        throw new Error(`${failures.length} of ${list.length}:\n${failures.join('\n')}`);
    });

    test('every exclusion names something that exists', () => {
      const names = new Set(cases.map((c) => c.name));
      const types = new Set(cases.flatMap((c) => c.model.graph.nodes.map((node) => node.opType)));
      const stale = [
        ...Object.keys(excludedCases).filter((name) => !names.has(name)),
        ...Object.keys(excludedOps).filter((type) => !types.has(type) || readers.has(type)),
      ];
      if (stale.length > 0) throw new Error(`remove these exclusions: ${stale.join(', ')}`);
    });

    afterAll(() => {
      console.info(report());
    });
  });
}

/** A line per operator: passed, excluded and why. */
function report(): string {
  const total = [...passed.values()].reduce((a, b) => a + b, 0);
  const left = [...excluded.values()].reduce((a, list) => a + list.length, 0);
  const lines = [...byOp].map(([op, list]) => {
    const reasons = [...new Set(excluded.get(op))].join('; ');
    const out = excluded.get(op)?.length ?? 0;
    return `${op.padEnd(28)} ${passed.get(op) ?? 0}/${list.length}${out > 0 ? `  excluded ${out}: ${reasons}` : ''}`;
  });
  return `ONNX conformance: ${total} passed, ${left} excluded, of ${cases.length}\n${lines.join('\n')}`;
}
