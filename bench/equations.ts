/**
 * An iteration of training on a differential equation beside PyTorch's: `node dist/bench/equations.js`. The networks and points
 * of Poisson's (1-50-50-50-1, 16 + 2 points) and Burgers' equation (2-20-20-20-1, 2,540 + 80 + 160 points), Adam. PyTorch takes
 * derivatives by `autograd.grad` with `create_graph=True`. About half a minute for each, on a machine that is not busy.
 */
import { type Contender, compiledPath, node, python } from './contenders.ts';
import { measure } from './measure.ts';
import { compare, machine, table } from './report.ts';
import type { Task } from './task.ts';

const tfk: Contender = {
  name: 'tfk',
  variants: () => ['trainStep'],
  command: ({ name }) => node(compiledPath('./sides/equations.js'), name),
};
/** Double differentiation is beyond `torch.compile`. */
const torch: Contender = {
  name: 'torch',
  variants: () => ['plain', 'fused', 'fused passive'],
  command({ name }, variant) {
    const [form, passive] = variant.split(' ');
    const env: Record<string, string> = passive ? { OMP_WAIT_POLICY: 'passive' } : {};
    return python('torch_equations.py', [name, form as string], env);
  },
};

const task = (name: string, batchSize: number, dimensions: number): Task => ({
  name,
  mode: 'train',
  batchSize,
  batches: 1,
  sampleShape: [dimensions],
  classes: 1,
  optimizer: 'adam',
});

console.log(machine());
for (const equation of [task('poisson', 18, 1), task('burgers', 2780, 2)]) {
  const results = await measure(equation, [tfk, torch], { rounds: 11, seconds: 0.3 });
  console.log(`\n${table(equation.name, compare(equation.name, results))}`);
}
