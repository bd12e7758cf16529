import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import { mul, sub } from '../ops/index.ts';
import {
  commonOptions,
  Optimizer,
  optimizers,
  type Search,
  type SearchPoint,
  type Update,
  type UpdateInputs,
} from './optimizer.ts';
import { type LinePoint, wolfeSearch } from './wolfe.ts';

const none = (what: string) => z.null(`L-BFGS has no ${what}: expected null`).default(null);
const count = z.int('expected a whole number').min(1, 'expected a whole number of at least 1');
const schema = deferred(() =>
  z.strictObject({
    ...commonOptions(1),
    weightDecay: none('weight decay'),
    clipnorm: none('clipping'),
    globalClipnorm: none('clipping'),
    clipvalue: none('clipping'),
    useEma: z.literal(false, 'L-BFGS keeps no running means: expected false').default(false),
    lossScaleFactor: none('loss scaling'),
    gradientAccumulationSteps: none('accumulation of gradients'),
    /** Pairs of steps and changes of the gradient that stand for the inverse Hessian. */
    historySize: count.default(10),
    /** Iterations in one training step. */
    maxIterations: count.default(20),
    /** Evaluations of loss and gradient in one training step. */
    maxEvaluations: count.default(25),
    /** A step ends where no gradient element is larger, */
    gradientTolerance: z.number().min(0).default(1e-7),
    /** or where neither weights nor loss change by more. */
    changeTolerance: z.number().min(0).default(1e-9),
  }),
);

/**
 * Limited-memory BFGS: steps along `-H g`, where `H` is built from the last changes of weights and gradients, as long as a
 * line search with the strong Wolfe conditions finds. For full batches: each training step evaluates the loss of one batch
 * several times. The history is not part of checkpoints.
 */
export class LBFGS extends Optimizer<typeof schema> {
  static override readonly className = 'LBFGS';
  static override readonly schema = schema;

  protected get ruleSlots() {
    return [];
  }

  /** Steepest descent, which every search begins with. */
  protected update({ weight, gradient, learningRate }: UpdateInputs): Update {
    return { weight: sub(weight, mul(gradient, learningRate)), slots: {} };
  }

  override search(): Search {
    const history = new History(this.options.historySize);
    return (point, evaluate, learningRate) => iterate(this.options, history, point, evaluate, learningRate);
  }
}

/** L-BFGS with a strong Wolfe line search. @source Nocedal & Wright 2006, algorithm 7.5; Liu & Nocedal 1989 */
export const lbfgs = (options: z.input<typeof schema> = {}) => new LBFGS(options);
optimizers.register(LBFGS);

/** The line from the present weights along a direction, walked in place. */
class Line {
  readonly from: Float32Array;
  readonly before: Float32Array;
  readonly direction: Float32Array;
  readonly slope: number;
  /** Evaluations so far. */
  evaluations = 0;
  readonly #point: SearchPoint;
  readonly #evaluate: () => Promise<number>;
  #at = 0;

  constructor(point: SearchPoint, evaluate: () => Promise<number>, direction: Float32Array) {
    this.#point = point;
    this.#evaluate = evaluate;
    this.direction = direction;
    this.from = point.weights.slice();
    this.before = point.gradients.slice();
    this.slope = dot(direction, this.before);
  }

  /** Moves the weights to a step along the line and evaluates there. */
  async go(t: number): Promise<LinePoint> {
    const { weights, gradients } = this.#point;
    for (let i = 0; i < weights.length; i++) {
      weights[i] = (this.from[i] as number) + t * (this.direction[i] as number);
    }
    this.#at = t;
    this.evaluations++;
    const value = await this.#evaluate();
    return { t, value, slope: dot(this.direction, gradients) };
  }

  /** Leaves weights and gradients at a point that was evaluated before. */
  async settle({ t }: LinePoint): Promise<void> {
    if (t !== this.#at) await this.go(t);
  }
}

async function iterate(
  options: z.output<typeof schema>,
  history: History,
  point: SearchPoint,
  evaluate: () => Promise<number>,
  learningRate: number,
): Promise<void> {
  const { weights, gradients } = point;
  let { loss } = point;
  let left = options.maxEvaluations - 1;
  for (let i = 0; i < options.maxIterations && left > 0; i++) {
    if (largest(gradients) <= options.gradientTolerance) return;
    const line = new Line(point, evaluate, history.descent(gradients));
    const first = learningRate * (history.empty ? Math.min(1, 1 / sumOfSizes(gradients)) : 1);
    const start = { t: 0, value: loss, slope: line.slope };
    const found = await wolfeSearch(start, first, (t) => line.go(t), left);
    await line.settle(found ?? start);
    left -= line.evaluations;
    if (found === undefined) return history.forget(); // what is left is noise, or the history misleads
    history.add(weights, line.from, gradients, line.before);
    const change = Math.abs(found.value - loss);
    loss = found.value;
    const { changeTolerance } = options;
    if (found.t * largest(line.direction) <= changeTolerance || change <= changeTolerance * Math.abs(loss))
      return;
  }
}

/** The last changes of weights and gradients. */
class History {
  readonly #size: number;
  readonly #pairs: { readonly s: Float32Array; readonly y: Float32Array; readonly rho: number }[] = [];

  constructor(size: number) {
    this.#size = size;
  }

  get empty(): boolean {
    return this.#pairs.length === 0;
  }

  forget(): void {
    this.#pairs.length = 0;
  }

  /** Remembers a step, unless the gradient did not grow along it: then it says nothing of curvature. */
  add(weights: Float32Array, from: Float32Array, gradients: Float32Array, before: Float32Array): void {
    const s = weights.map((w, i) => w - (from[i] as number));
    const y = gradients.map((g, i) => g - (before[i] as number));
    const product = dot(s, y);
    if (!(product > 1e-10 * dot(y, y))) return;
    this.#pairs.push({ s, y, rho: 1 / product });
    if (this.#pairs.length > this.#size) this.#pairs.shift();
  }

  /** `-H g`; `-g`, with an empty history, where that does not lead downwards. */
  descent(gradients: Float32Array): Float32Array {
    const direction = this.#direction(gradients);
    if (dot(direction, gradients) < 0) return direction;
    this.forget();
    return this.#direction(gradients);
  }

  /** In two passes over the history. */
  #direction(gradients: Float32Array): Float32Array {
    const q = gradients.map((g) => -g);
    const alphas = this.#pairs.toReversed().map(({ s, y, rho }) => {
      const alpha = rho * dot(s, q);
      addScaled(q, y, -alpha);
      return alpha;
    });
    const last = this.#pairs.at(-1);
    if (last !== undefined) {
      const scale = 1 / (last.rho * dot(last.y, last.y));
      for (let i = 0; i < q.length; i++) q[i] = (q[i] as number) * scale;
    }
    this.#pairs.forEach(({ s, y, rho }, i) => {
      addScaled(q, s, (alphas[this.#pairs.length - 1 - i] as number) - rho * dot(y, q));
    });
    return q;
  }
}

function addScaled(into: Float32Array, x: Float32Array, factor: number): void {
  for (let i = 0; i < into.length; i++) into[i] = (into[i] as number) + factor * (x[i] as number);
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

function largest(x: Float32Array): number {
  let most = 0;
  for (let i = 0; i < x.length; i++) most = Math.max(most, Math.abs(x[i] as number));
  return most;
}

function sumOfSizes(x: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += Math.abs(x[i] as number);
  return sum;
}
