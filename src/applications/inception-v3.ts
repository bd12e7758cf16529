import { concatenate } from '../layers/merging.ts';
import { averagePooling2d, maxPooling2d } from '../layers/pooling.ts';
import type { SymbolicTensor } from '../layers/symbolic.ts';
import { application, applicationOptions } from './assemble.ts';
import { named, top } from './blocks.ts';
import { type Branch, branched, stem } from './inception.ts';

const row = [1, 7] as const;
const column = [7, 1] as const;

/**
 * Inception V3: branches with windows of different sizes, side by side.
 * @source Szegedy et al. 2015, arXiv 1512.00567; keras/src/applications/inception_v3.py
 */
export const inceptionV3 = application({
  schema: applicationOptions,
  name: 'inception_v3',
  size: 299,
  smallest: 75,
  pixels: 'unit',
  wire: (image, options) => {
    let x = stem(image);
    [32, 64, 64].forEach((filters, i) => {
      const branches: Branch[] = [
        [[64, 1]],
        [
          [48, 1],
          [64, 5],
        ],
        [
          [64, 1],
          [96, 3],
          [96, 3],
        ],
      ];
      x = mixed(x, branches, filters, `mixed${i}`);
    });
    x = reduced(
      x,
      [
        [[384, 'half']],
        [
          [64, 1],
          [96, 3],
          [96, 'half'],
        ],
      ],
      'mixed3',
    );
    [128, 160, 160, 192].forEach((n, i) => {
      const twice: Branch = [
        [n, 1],
        [n, row],
        [192, column],
      ];
      const fourTimes: Branch = [
        [n, 1],
        [n, column],
        [n, row],
        [n, column],
        [192, row],
      ];
      x = mixed(x, [[[192, 1]], twice, fourTimes], 192, `mixed${i + 4}`);
    });
    x = reduced(
      x,
      [
        [
          [192, 1],
          [320, 'half'],
        ],
        [
          [192, 1],
          [192, row],
          [192, column],
          [192, 'half'],
        ],
      ],
      'mixed8',
    );
    x = forked(forked(x, 0), 1);
    return top(x, options, { pool: 'avg_pool' });
  },
});

const pooledBranch = (x: SymbolicTensor, filters: number): SymbolicTensor =>
  branched(averagePooling2d({ poolSize: 3, strides: 1, padding: 'same' }).apply(x), [[filters, 1]]);

/** Branches and a pooled one, their channels side by side. */
function mixed(
  x: SymbolicTensor,
  branches: readonly Branch[],
  filters: number,
  name: string,
): SymbolicTensor {
  const all = branches.map((branch) => branched(x, branch));
  return concatenate({ name }).apply([...all, pooledBranch(x, filters)]);
}

/** The same at half height and width. */
function reduced(x: SymbolicTensor, branches: readonly Branch[], name: string): SymbolicTensor {
  const all = branches.map((branch) => branched(x, branch));
  return concatenate({ name }).apply([...all, maxPooling2d({ poolSize: 3, strides: 2 }).apply(x)]);
}

/** A block whose branches end in a row and a column side by side. */
function forked(x: SymbolicTensor, i: number): SymbolicTensor {
  const fork = (y: SymbolicTensor, name?: string): SymbolicTensor => {
    const across = branched(y, [[384, [1, 3]]]);
    const down = branched(y, [[384, [3, 1]]]);
    return concatenate(named(name)).apply([across, down]);
  };
  const single = branched(x, [[320, 1]]);
  const double = fork(branched(x, [[384, 1]]), `mixed9_${i}`);
  const triple = fork(
    branched(x, [
      [448, 1],
      [384, 3],
    ]),
  );
  return concatenate({ name: `mixed${9 + i}` }).apply([single, double, triple, pooledBranch(x, 192)]);
}
