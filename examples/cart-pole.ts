import * as tfk from 'tfk';
import { curve, draw } from './support/plot.ts';
import { seeded } from './support/random.ts';

const { ops } = tfk;
type Value = tfk.Value;
/** x, its speed, the pole's angle, its speed. */
type State = readonly [number, number, number, number];
const [limit, games, discount] = [500, 16, 0.99];

/** The pole stands: the state 20 ms later, pushed left (0) or right (1). @source Barto, Sutton, Anderson 1983; CartPole-v1 */
function push([x, speed, angle, turn]: State, action: number): State {
  const [gravity, pole, massOfPole, mass, dt] = [9.8, 0.5, 0.1, 1.1, 0.02];
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const force = ((action === 1 ? 10 : -10) + massOfPole * pole * turn ** 2 * sin) / mass;
  const turning = (gravity * sin - cos * force) / (pole * (4 / 3 - (massOfPole * cos ** 2) / mass));
  const pushed = force - (massOfPole * pole * turning * cos) / mass;
  return [x + dt * speed, speed + dt * pushed, angle + dt * turn, turn + dt * turning];
}
const fell = ([x, , angle]: State): boolean => Math.abs(x) > 2.4 || Math.abs(angle) > Math.PI / 15;

/** REINFORCE: the policy's log-probabilities weighted by what came after. Gives the mean return of 100 new games. */
export async function cartPole(updates: number, plotFile?: string): Promise<{ meanReturn: number }> {
  tfk.setRandomSeed(2);
  const uniform = seeded(2);
  const layers = [tfk.layers.dense({ units: 64, activation: 'tanh' }), tfk.layers.dense({ units: 2 })];
  const policy = tfk.sequential([tfk.input({ shape: [4] }), ...layers]);
  const scores = tfk.jit((states: Value) => tfk.call(policy, states));

  /** Plays games side by side; a game's list has its states and actions. */
  const play = (n: number, choose: (left: number, right: number) => number) => {
    const start = () => Array.from({ length: 4 }, () => 0.1 * uniform() - 0.05) as unknown as State;
    const histories = Array.from({ length: n }, () => ({ states: [start()], actions: [] as number[] }));
    for (let t = 0; t < limit; t++) {
      const now = histories.map(({ states }) => states.at(-1) as State);
      if (now.every(fell)) break;
      const { data } = scores(tfk.tensor(now));
      histories.forEach(({ states, actions }, i) => {
        if (fell(now[i] as State)) return;
        const action = choose(Number(data[2 * i]), Number(data[2 * i + 1]));
        actions.push(action);
        states.push(push(now[i] as State, action));
      });
    }
    return histories;
  };

  const step = tfk.trainStep(policy, { type: 'adam', learningRate: 1e-2 }, (x: Value, gains: Value) =>
    ops.neg(ops.reduceSum(ops.mul(ops.logSoftmax(scores(x), -1), gains))),
  );
  const sampled = (left: number, right: number) => (uniform() < 1 / (1 + Math.exp(left - right)) ? 1 : 0);
  const lengths: number[] = [];
  for (let update = 0; update < updates; update++) {
    const histories = play(games, sampled);
    const returns = histories.map(({ actions: { length } }) =>
      Array.from({ length }, (_, t) => (1 - discount ** (length - t)) / (1 - discount)),
    );
    const all = returns.flat();
    const mean = all.reduce((a, b) => a + b) / all.length;
    const deviation = Math.sqrt(all.reduce((a, b) => a + (b - mean) ** 2, 0) / all.length) + 1e-6;
    // as many rows as games can last: one compiled step for all batches; rows without a game gain nothing
    const [states, gains] = [new Float32Array(games * limit * 4), new Float32Array(games * limit * 2)];
    states.set(histories.flatMap(({ states }) => states.slice(0, -1)).flat());
    const actions = histories.flatMap((history) => history.actions);
    actions.forEach((action, i) => {
      gains[2 * i + action] = ((all[i] as number) - mean) / deviation / all.length;
    });
    await step(tfk.tensor(states, [games * limit, 4]), tfk.tensor(gains, [games * limit, 2]));
    lengths.push(all.length / games);
  }
  if (plotFile) await draw(plotFile, [0, 0], [updates, limit], [curve(lengths.map((y, x) => [x, y]))]);
  step.dispose();
  const greedy = play(100, (left, right) => (right > left ? 1 : 0));
  return { meanReturn: greedy.reduce((sum, { actions }) => sum + actions.length, 0) / 100 };
}

if (process.argv[1] === import.meta.filename) console.log(await cartPole(150, process.argv[2]));
