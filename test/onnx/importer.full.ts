import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import * as ort from 'onnxruntime-node';
import { getBackend } from '../../src/backend/registry.ts';
import { isFloat } from '../../src/core/dtype.ts';
import { formatType } from '../../src/core/shape.ts';
import { FormatError } from '../../src/errors.ts';
import { loadOnnx } from '../../src/formats/onnx-import.ts';
import type { Tensor } from '../../src/index.ts';
import { input } from '../../src/ir/graph.ts';
import { Trace, withTrace } from '../../src/layers/trace.ts';
import { encodeModel, type OperatorSetIdProto, type ValueInfoProto } from '../../src/onnx/proto.ts';
import { exact, expectClose } from '../helpers/close.ts';
import { type ConformanceCase, conformanceCases, fedInputs, testData, typesOf } from './conformance-cases.ts';
import { excludedCases, excludedOps, excludedTypes } from './conformance-exclusions.ts';

const tolerance = { rtol: 1e-3, atol: 1e-5 };
const folder = mkdtempSync(join(tmpdir(), 'tfk-importer-'));
afterAll(() => rmSync(folder, { recursive: true }));

const raised = ({ domain, version }: OperatorSetIdProto): OperatorSetIdProto => ({
  domain,
  version: domain === '' ? Math.max(7, version) : version,
});

function expectResults(actual: readonly Tensor[], expected: readonly Tensor[]): void {
  for (const [i, want] of expected.entries()) {
    const got = actual[i] as Tensor;
    if (formatType(got) !== formatType(want))
      throw new Error(`output ${i} is ${formatType(got)}, not ${formatType(want)}`);
    expectClose(got.data, want.data, isFloat(want.dtype) ? tolerance : exact, `output ${i}`);
  }
}

/** Whether onnxruntime-node's plain API gives the expected results. */
async function runtimePasses(
  bytes: Uint8Array,
  { model }: ConformanceCase,
  inputs: readonly Tensor[],
  expected: readonly Tensor[],
) {
  const session = await ort.InferenceSession.create(bytes, { logSeverityLevel: 4 }).catch(() => undefined);
  if (session === undefined) return false;
  try {
    const feeds = inputs.map(({ dtype, data, shape }, i) => [
      fedInputs(model)[i]?.name ?? '',
      new ort.Tensor(dtype as 'float32', data as Float32Array, shape),
    ]);
    const results = await session.run(Object.fromEntries(feeds));
    for (const [i, want] of expected.entries()) {
      const got = results[model.graph.outputs[i]?.name ?? ''] as ort.Tensor;
      expectClose(got.data as Float32Array, want.data, isFloat(want.dtype) ? tolerance : exact, 'output');
    }
    return true;
  } catch {
    return false;
  } finally {
    await session.release();
  }
}

/** Imports a case, fixing inputs that shapes depend on, and runs the model as it is. */
async function importAndRun(
  path: string,
  { model }: ConformanceCase,
  inputs: readonly Tensor[],
): Promise<readonly Tensor[]> {
  const fed = new Map(fedInputs(model).map(({ name }, i) => [name, inputs[i] as Tensor]));
  const constants: Record<string, Tensor> = Object.fromEntries(
    [...fed].filter(([, { shape }]) => shape.length === 0),
  );
  const imported = await loadFixing(path, fed, constants);
  const names = [...fed.keys()].filter((name) => !(name in constants));
  const leaves = names.map((name) => input(name, fed.get(name) as Tensor));
  const trace = new Trace(false);
  const outputs = withTrace(trace, () => imported.invoke(leaves, { training: false }));
  const executable = await (await getBackend('onnxruntime')).compile(
    {
      name: 'case',
      inputs: [...leaves, ...trace.weights.values()],
      outputs: outputs.map((value, i) => ({ name: `y${i}`, value })),
    },
    { threads: 1 },
  );
  const weights = [...trace.weights.keys()].map((weight) => weight.storage);
  return executable
    .run([...names.map((name) => fed.get(name) as Tensor), ...weights])
    .finally(() => executable.dispose());
}

/** Imports a file; what the importer says must be fixed is. */
async function loadFixing(path: string, fed: ReadonlyMap<string, Tensor>, constants: Record<string, Tensor>) {
  for (;;) {
    const inputShapes = Object.fromEntries(
      [...fed].flatMap(([name, { shape }]) => (name in constants ? [] : [[name, [...shape]]])),
    );
    try {
      return await loadOnnx(path, { constants, inputShapes });
    } catch (error) {
      const wanted = error instanceof FormatError ? (error.argument ?? '') : '';
      if (!fed.has(wanted) || wanted in constants) throw error;
      constants[wanted] = fed.get(wanted) as Tensor;
    }
  }
}

const folders = ['node', 'simple', 'pytorch-operator', 'pytorch-converted'];

interface Tally {
  passed: number;
  readonly failed: string[];
  /** Cases that the runtime itself does not pass, or whose element types we do not have. */
  readonly beyond: string[];
}

const noBatch = 'no input has a batch axis of at least one sample';
/** Cases that are no models of ours. */
const noModels: Readonly<Record<string, string>> = {
  test_constantofshape_float_ones: noBatch,
  test_constantofshape_int_shape_zero: noBatch,
  test_constantofshape_int_zeros: noBatch,
  test_reshape_allowzero_reordered: noBatch,
  test_split_zero_size_splits: noBatch,
  test_triu_zero: noBatch,
};

/** Why a case may fail; `undefined` where it must pass. */
function excuse(c: ConformanceCase): string | undefined {
  const op = c.model.graph.nodes.map((node) => node.opType).find((t) => t in excludedOps);
  return op === undefined ? excludedCases[c.name] : excludedOps[op];
}

const hasAxes = ({ type }: ValueInfoProto): boolean => type?.kind === 'tensor' && type.shape?.length !== 0;

/** Why a case is no model of tensors with a batch axis; `undefined` where it is one. */
function noModel(c: ConformanceCase): string | undefined {
  const type = typesOf(c).find((t) => excludedTypes.has(t));
  if (type !== undefined) return excludedTypes.get(type);
  if (c.model.graph.nodes.some(({ opType }) => opType.includes('Sequence') && opType !== 'ReverseSequence'))
    return excludedTypes.get('sequence');
  return fedInputs(c.model).some(hasAxes) ? noModels[c.name] : 'no input with an axis';
}

async function tallyOf(folderName: string): Promise<Tally> {
  const tally: Tally = { passed: 0, failed: [], beyond: [] };
  for (const c of conformanceCases(join(dirname(testData), folderName))) {
    const reason = noModel(c);
    if (reason !== undefined) {
      tally.beyond.push(`${c.name}: ${reason}`);
      continue;
    }
    const bytes = encodeModel({ ...c.model, opsetImports: c.model.opsetImports.map(raised) });
    const [inputs, expected] = [c.tensors('input'), c.tensors('output')];
    if (!(await runtimePasses(bytes, c, inputs, expected))) {
      tally.beyond.push(`${c.name}: the runtime itself does not pass`);
      continue;
    }
    const path = join(folder, 'case.onnx');
    writeFileSync(path, bytes);
    try {
      expectResults(await importAndRun(path, c, inputs), expected);
      tally.passed++;
    } catch (error) {
      const reason = error instanceof Error ? error.message.replace(/^.*case\.onnx: /, '') : String(error);
      tally.failed.push(`${c.name}: ${excuse(c) ?? 'UNEXPECTED'}: ${reason.slice(0, 160)}`);
    }
  }
  return tally;
}

const present = folders.filter((name) => existsSync(join(dirname(testData), name)));
if (present.length === 0) {
  test.skip(`ONNX importer: no data in ${dirname(testData)}; install libonnx-testdata or set TFK_ONNX_TESTDATA`, () => {});
} else {
  describe('cases of the ONNX project, imported as models', () => {
    const all: Tally = { passed: 0, failed: [], beyond: [] };

    test.each(present)('%s', async (name) => {
      const { passed, failed, beyond } = await tallyOf(name);
      all.passed += passed;
      all.failed.push(...failed);
      all.beyond.push(...beyond);
      console.info(
        `${name}: ${passed} passed, ${failed.length} failed, ${beyond.length} beyond the runtime or our element types\n` +
          [...failed, ...beyond].join('\n'),
      );
      expect(failed.filter((line) => line.includes('UNEXPECTED'))).toEqual([]);
    });

    test('at least 96% of what the runtime passes', () => {
      expect(all.passed / (all.passed + all.failed.length)).toBeGreaterThanOrEqual(0.96);
    });
  });
}
