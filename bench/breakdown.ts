/**
 * Where the time of a step goes: `node dist/bench/breakdown.js [workload] [steps]` prints one line of JSON.
 * Times are taken around the trainer's own methods, in this process only; a promise counts until it is fulfilled.
 */
import { ArrayFeeder } from '../src/training/feeder.ts';
import { ParameterStore } from '../src/training/parameters.ts';
import { RandomFeed } from '../src/training/random-feed.ts';
import { Step } from '../src/training/step.ts';
import { compiledModel, randomTensors } from './sides/model.ts';
import { findWorkload } from './workloads/index.ts';

const parts = { native: 0, optimizer: 0, feeding: 0, random: 0 };
type Part = keyof typeof parts;

/** The same function, its time added to a part. */
function timed<This, Args extends unknown[], Result>(
  part: Part,
  inner: (this: This, ...args: Args) => Result,
): (this: This, ...args: Args) => Result {
  return function (...args) {
    const start = performance.now();
    const count = (): void => {
      parts[part] += performance.now() - start;
    };
    const result = inner.apply(this, args);
    if (result instanceof Promise) return result.finally(count) as Result;
    count();
    return result;
  };
}

Step.prototype.run = timed('native', Step.prototype.run);
ParameterStore.prototype.apply = timed('optimizer', ParameterStore.prototype.apply);
RandomFeed.prototype.fill = timed('random', RandomFeed.prototype.fill);
ArrayFeeder.prototype.begin = timed('feeding', ArrayFeeder.prototype.begin);
ArrayFeeder.prototype.next = withTimedFill(ArrayFeeder.prototype.next);

/** Feeding is what a batch does when it is copied, later than it was asked for. */
function withTimedFill(next: ArrayFeeder['next']): ArrayFeeder['next'] {
  const known = new WeakSet<object>();
  return function (this: ArrayFeeder) {
    const feed = next.call(this);
    if (feed !== undefined && !(feed instanceof Promise) && !known.has(feed))
      known.add(Object.assign(feed, { fill: timed('feeding', feed.fill) }));
    return feed;
  };
}

const workload = findWorkload(process.argv[2] ?? 'mlp');
const { batchSize, batches } = workload;
const epochs = Math.ceil(Number(process.argv[3] ?? 4 * batches) / batches);
const { x, y } = randomTensors(workload);
const model = compiledModel(workload);
await model.fit(x, y, { batchSize, verbose: 0 });

for (const part of Object.keys(parts) as Part[]) parts[part] = 0;
const start = performance.now();
await model.fit(x, y, { batchSize, epochs, verbose: 0 });
const total = performance.now() - start;

const steps = epochs * batches;
const rest = total - Object.values(parts).reduce((sum, ms) => sum + ms, 0);
const rounded = (n: number): number => Number(n.toPrecision(3));
const all = Object.entries({ ...parts, rest });
console.log(
  JSON.stringify({
    workload: workload.name,
    steps,
    msPerStep: rounded(total / steps),
    ms: Object.fromEntries(all.map(([part, ms]) => [part, rounded(ms / steps)])),
    percent: Object.fromEntries(all.map(([part, ms]) => [part, rounded((100 * ms) / total)])),
  }),
);
