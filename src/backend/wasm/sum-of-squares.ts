import { InternalError } from '../../errors.ts';
import { instantiate, WasmFunction } from './assembler.ts';
import type { WasmMemory } from './host.ts';
import { vectorBytes } from './kernel.ts';

/**
 * A function that adds up the squares of float32 elements, in float64.
 * It reads whole vectors of four: padding behind the last element must be zero.
 */
export function sumOfSquares(memory: WasmMemory): (pointer: number, length: number) => number {
  const code = new WasmFunction('sum', ['i32', 'i32'], 'f64');
  const [pointer, bytes] = [0, 1];
  const offset = code.local('i32');
  const x = code.local('v128');
  const sums = [code.local('v128'), code.local('v128')] as const;
  const addSquares = (sum: number, lanes: () => void): void => {
    const wide = code.local('v128');
    code.get(sum);
    lanes();
    code.op('f64x2.promote_low_f32x4').tee(wide).get(wide).op('f64x2.mul').op('f64x2.add').set(sum);
  };
  code.block(() => {
    code.get(offset, bytes).op('i32.ge_u').branchIf(0);
    code.loop(() => {
      code.get(pointer, offset).op('i32.add').load().set(x);
      addSquares(sums[0], () => code.get(x));
      addSquares(sums[1], () => code.get(x, x).shuffle([2, 3, 2, 3]));
      code.get(offset).i32(16).op('i32.add').tee(offset);
      code.get(bytes).op('i32.lt_u').branchIf(0);
    });
  });
  const total = code.local('v128');
  code
    .get(...sums)
    .op('f64x2.add')
    .tee(total)
    .extractF64(0)
    .get(total)
    .extractF64(1)
    .op('f64.add');
  const { sum } = instantiate([code], memory);
  if (sum === undefined) throw new InternalError('the sum-of-squares module has no function.');
  return (at, length) => sum(at, vectorBytes(length));
}
