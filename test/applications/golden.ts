import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { sizeOf } from '../../src/core/shape.ts';
import * as tfk from '../../src/index.ts';
import { withBlankWeights } from '../../src/layers/weight.ts';

type Options = Readonly<Record<string, unknown>>;

/** What `test/golden/recorder/applications.py` records. */
export interface Golden {
  readonly structures: readonly {
    readonly model: string;
    readonly options: Options;
    readonly name: string;
    readonly params: number;
    /** Lines "name class shape", or their number and hash. */
    readonly layers: readonly string[] | readonly [number, string];
    /** Hash of the lines "layer/index shape" of all weights. */
    readonly weights: string;
  }[];
  readonly outputs: readonly {
    readonly model: string;
    readonly options: Options;
    readonly output: readonly number[];
  }[];
  readonly preprocessing: readonly {
    readonly mode: 'tf' | 'torch' | 'caffe';
    readonly input: readonly number[];
    readonly output: readonly number[];
  }[];
}

/** The recorded numbers. */
export const golden = JSON.parse(
  readFileSync(join(process.cwd(), 'test/golden/applications.json'), 'utf8'),
) as Golden;

type Make = (options?: Options) => Promise<tfk.Functional<tfk.Tensor>>;
const applications = new Map(
  Object.entries(tfk.applications).map(([name, make]) => [name.toLowerCase(), make as unknown as Make]),
);

/** An application with weights left at 0, automatic names counted from the start. */
export async function buildBlank(model: string, options: Options): Promise<tfk.Functional<tfk.Tensor>> {
  tfk.clearSession();
  const make = applications.get(model.toLowerCase()) as Make;
  return withBlankWeights(Number.POSITIVE_INFINITY, () => make(options));
}

/** Numbers in [-1, 1): the hash of the key, counted on and mixed (the end of MurmurHash3). */
export function draw(key: string, shape: readonly number[]): Float64Array {
  let seed = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(key)) seed = Math.imul(seed ^ byte, 0x01000193);
  const numbers = new Float64Array(sizeOf(shape));
  for (let i = 0; i < numbers.length; i++) {
    let x = (seed + Math.imul(i, 0x9e3779b9)) | 0;
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
    numbers[i] = ((x ^ (x >>> 16)) >>> 0) / 2 ** 31 - 1;
  }
  return numbers;
}

/** Gives every weight the numbers that the recorder gave it. */
export function drawWeights(model: tfk.Model): void {
  for (const layer of model.layers) {
    layer.weights.forEach(({ name, shape, storage }, i) => {
      const u = draw(`${layer.name}/${i}`, shape);
      const fan = sizeOf(shape.at(-1) === 1 ? shape.slice(0, 2) : shape.slice(0, -1));
      const nearOne = name.endsWith('variance') || (name === 'gamma' && layer.className !== 'LayerScale');
      const [mean, scale] = shape.length > 1 ? [0, Math.sqrt(6 / fan)] : nearOne ? [1, 0.2] : [0, 0.1];
      for (let j = 0; j < u.length; j++) storage.data[j] = mean + scale * (u[j] as number);
    });
  }
}

const digest = (lines: readonly string[]): string =>
  createHash('sha256').update(lines.join('\n')).digest('hex').slice(0, 16);

/** Tests that real Keras made the same: names, classes and shapes of all layers in order, weights, parameters. */
export function checkStructures(which: (params: number) => boolean): void {
  const cases = golden.structures.filter(({ params }) => which(params));
  test.each(cases.map((record) => [`${record.model} ${JSON.stringify(record.options)}`, record] as const))(
    '%s',
    async (_, { model: application, options, name, params, layers, weights }) => {
      const model = await buildBlank(application, options);
      const lines = model.layers.map((layer) => {
        const shape = layer.calls[0]?.outputs[0]?.shape ?? [];
        return `${layer.name} ${layer.className} ${shape.map((n) => n ?? '?').join('x')}`;
      });
      const shapes = model.layers.flatMap((layer) =>
        layer.weights.map((weight, i) => `${layer.name}/${i} ${weight.shape.join('x')}`),
      );
      expect(model.name).toBe(name);
      expect(typeof layers[0] === 'string' ? lines : [lines.length, digest(lines)]).toEqual(layers);
      expect(digest(shapes)).toBe(weights);
      expect(model.countParams()).toBe(params);
    },
  );
}
