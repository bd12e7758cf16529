/** tfk's side of equations.ts: `node equations.js <equation>`, as tfk.ts. */
import * as tfk from '../../src/index.ts';
import { threads } from '../workloads/workload.ts';
import { calls, serve } from './serve.ts';

const { ops } = tfk;
type Value = tfk.Value;
/** Makes one step. */
type Step = () => Promise<unknown>;

const meanSquare = (v: Value): Value => ops.reduceMean(ops.square(v));

function network(inputs: number, width: number): tfk.Model {
  const hidden = () => tfk.layers.dense({ units: width, activation: 'tanh' });
  const layers = [hidden(), hidden(), hidden(), tfk.layers.dense({ units: 1 })];
  return tfk.sequential([tfk.input({ shape: [inputs] }), ...layers]);
}

function poisson(): Step {
  const net = network(1, 50);
  const u = (x: Value) => tfk.call(net, x);
  const second = tfk.derivative(tfk.derivative(u));
  const lossOf = (inside: Value, edges: Value) => {
    const source = ops.mul(ops.sin(ops.mul(inside, Math.PI)), Math.PI ** 2);
    return ops.add(meanSquare(ops.add(second(inside), source)), meanSquare(u(edges)));
  };
  const step = tfk.trainStep(net, 'adam', lossOf, { threads });
  const inside = tfk.collocationPoints({ lower: [-1], upper: [1] }, 16, 'grid');
  const edges = tfk.tensor([[-1], [1]]);
  return () => step(inside, edges);
}

function burgers(): Step {
  const net = network(2, 20);
  const u = (x: Value) => tfk.call(net, x);
  const [ux, ut] = [tfk.derivative(u, 0), tfk.derivative(u, 1)];
  const uxx = tfk.derivative(ux, 0);
  const lossOf = (inside: Value, edges: Value, start: Value) => {
    const first = ops.neg(ops.sin(ops.mul(ops.slice(start, [0], [1], [1]), Math.PI)));
    const left = ops.add(ut(inside), ops.mul(u(inside), ux(inside)));
    const equation = meanSquare(ops.sub(left, ops.mul(uxx(inside), 0.01 / Math.PI)));
    return ops.add(equation, ops.add(meanSquare(u(edges)), meanSquare(ops.sub(u(start), first))));
  };
  const step = tfk.trainStep(net, 'adam', lossOf, { threads });
  const points = (n: number) => tfk.collocationPoints({ lower: [-1, 0], upper: [1, 1] }, n);
  const [inside, edges, start] = [points(2540), points(80), points(160)];
  return () => step(inside, edges, start);
}

const equations: Readonly<Record<string, () => Step>> = { poisson, burgers };
const build = equations[process.argv[2] ?? ''];
if (build === undefined) throw new RangeError(`equations: ${Object.keys(equations).join(' or ')}.`);
let step: Step | undefined;
await serve(
  `tfk ${tfk.version}`,
  calls([undefined], async () => {
    step ??= build();
    await step();
  }),
);
