import { ConfigError } from '../errors.ts';
import { weightChanges } from '../layers/weight.ts';
import { versionOf } from './built-in-weights.ts';
import type { Compiled } from './compile.ts';
import { typesKey } from './feeder.ts';
import { ParameterStore } from './parameters.ts';
import type { Profile, TraceEvent } from './profile.ts';
import { RepeatedStep } from './repeated-step.ts';
import { SingleStep, type Step } from './step.ts';
import type { BatchTypes, StepKind } from './step-graph.ts';
import type { Trainable } from './trainable.ts';

/**
 * Compiled steps of a model, one for each kind, batch shape and number of batches in a run. Native sessions are few and
 * live long: creating and releasing them leaks inside the runtime.
 */
export class StepCache {
  readonly #model: Trainable;
  readonly #compiled: Compiled;
  readonly #steps = new Map<string, Promise<Step>>();
  /** Steps that only read weights, with those weights built in. */
  readonly #settled = new SettledSteps();
  /** Steps that are tied to the present place of the weights, found without making a key. */
  readonly #ready = new Map<BatchTypes, Map<string, Step>>();
  /** Learning rate that was set before training began. */
  #firstRate: number | undefined;
  #store: ParameterStore | undefined;
  /** What the weights were when any weight last changed. */
  #known: (WeightsNow & { readonly changes: number }) | undefined;
  #profile: Profile | undefined;

  constructor(model: Trainable, compiled: Compiled) {
    this.#model = model;
    this.#compiled = compiled;
  }

  /** Parameters and optimizer state, once training has begun. */
  get store(): ParameterStore | undefined {
    return this.#store;
  }

  /** Learning rate of the next step. @throws {@link ConfigError} when it is set while a schedule decides it */
  get learningRate(): number {
    return this.#store?.learningRate ?? this.#firstRate ?? this.#compiled.optimizer.learningRateAt(0);
  }

  set learningRate(value: number) {
    if (this.#store === undefined) this.#firstRate = value;
    else this.#store.learningRate = value;
  }

  /**
   * The parameters in their arena, made on first use. The model must be built.
   * @throws {@link ConfigError} when other weights are to be trained than before
   */
  async ensureStore(): Promise<ParameterStore> {
    if (this.#store !== undefined) {
      if (!this.#store.fits(this.#model)) throw changedWeights(this.#model.name);
      this.#store.reclaim();
      return this.#store;
    }
    this.#store = await ParameterStore.create(this.#model, this.#compiled);
    if (this.#firstRate !== undefined) this.#store.learningRate = this.#firstRate;
    return this.#store;
  }

  /** The parameters anew where other weights are trainable now; the optimizer goes on with those it knows. */
  async renewStore(): Promise<void> {
    const before = this.#store;
    if (before === undefined || before.fits(this.#model)) return;
    this.#releaseSteps();
    this.#store = await ParameterStore.create(this.#model, this.#compiled);
    this.#store.goOn(before);
    before.dispose();
  }

  /** As a run begins: forgets where weights were, which another model may have moved, and looks whether they changed. */
  refresh(): void {
    this.#ready.clear();
    this.#settled.look(this.weightsNow().version);
  }

  /** The same object for as long as no weight changes. */
  weightsNow(): WeightsNow {
    const changes = weightChanges();
    if (this.#known?.changes !== changes) {
      const kept = [...this.#model.weights, ...this.#model.states];
      const bytes = kept.reduce((sum, { storage }) => sum + storage.data.byteLength, 0);
      this.#known = { changes, count: kept.length, bytes, version: versionOf(kept) };
    }
    return this.#known;
  }

  /** All steps in use now. */
  get steps(): readonly Step[] {
    return [...this.#ready.values()].flatMap((kinds) => [...kinds.values()]);
  }

  /** The step, if it is ready to run. */
  find(kind: StepKind, types: BatchTypes, repeats: number): Step | undefined {
    const step = this.#ready.get(types)?.get(repeats === 1 ? kind : `${kind}*${repeats}`);
    return step?.outdated ? undefined : step;
  }

  /** The step: compiled before, or now. */
  async make(kind: StepKind, types: BatchTypes, repeats: number): Promise<Step> {
    const model = this.#model;
    if (!model.built)
      model.inferOutputs(types.x.map(({ dtype, shape }) => ({ dtype, shape: [null, ...shape.slice(1)] })));
    const store = kind === 'train' ? await this.ensureStore() : undefined;
    const now = this.weightsNow();
    const { count } = now;
    const place = repeats === 1 ? kind : `${kind}*${repeats}`;
    // adapters come and go: the number of weights tells the two computations apart
    const key = `${place} ${count} ${typesKey(types)}`;
    const profile = this.#profile;
    const settled = kind !== 'train' && this.#settled.takes(key, now);
    const step = await once(settled ? this.#settled.steps : this.#steps, key, () =>
      store !== undefined && (repeats > 1 || !store.hasKernel)
        ? RepeatedStep.create(model, this.#compiled, types, repeats, store, profile)
        : SingleStep.create(model, this.#compiled, types, kind, { store, profile, settled }),
    );
    step.prepare();
    this.#profile?.mark('compile');
    const places = this.#ready.get(types) ?? new Map<string, Step>();
    this.#ready.set(types, places.set(place, step));
    return step;
  }

  /** What traces the steps now, if anything. */
  get profile(): Profile | undefined {
    return this.#profile;
  }

  /** Traces steps from now on; those compiled before are compiled anew. */
  startProfile(profile: Profile): void {
    this.#releaseSteps();
    this.#profile = profile;
  }

  /** Writes the trace that was begun, if any. @returns what was traced */
  async endProfile(): Promise<readonly TraceEvent[] | undefined> {
    const profile = this.#profile;
    this.#profile = undefined;
    return profile?.end();
  }

  /** Releases native sessions; the weights stay where they are. */
  dispose(): void {
    this.#releaseSteps();
    this.#store?.dispose();
    this.#store = undefined;
  }

  #releaseSteps(): void {
    release(this.#steps);
    release(this.#settled.steps);
    this.#ready.clear();
  }
}

/** Weights and states of a model: how many, how large together, and at what version. */
export interface WeightsNow {
  readonly count: number;
  readonly bytes: number;
  readonly version: number;
}

/** Copies of the weights that steps may hold together; two steps may, however large. */
const copiedBytes = 2 ** 28;

/**
 * Steps with their weights built in. The runtime folds, reorders and packs constant weights once, which pays when they stay
 * as they are for a while: at first they are taken to, and each time that proves wrong, for twice as many runs they are
 * not.
 */
class SettledSteps {
  readonly steps = new Map<string, Promise<Step>>();
  #version = Number.NaN;
  /** Runs that began with the weights as they are. */
  #runs = 0;
  /** Runs before the weights count as settled. */
  #patience = 0;

  /** As a run begins. */
  look(version: number): void {
    this.#runs++;
    if (version === this.#version) return;
    this.#version = version;
    this.#runs = 0;
    if (this.steps.size === 0) return;
    release(this.steps);
    this.#patience = Math.max(1, 2 * this.#patience);
  }

  /** Whether a step is one with its weights built in, or is to be: they are settled, and there is room for one more copy. */
  takes(key: string, { bytes, version }: WeightsNow): boolean {
    if (version !== this.#version || this.#runs < this.#patience) return false;
    const { size } = this.steps;
    return this.steps.has(key) || size < 2 || (size + 1) * bytes <= copiedBytes;
  }
}

/** The step of a name: made before, or now. */
function once(steps: Map<string, Promise<Step>>, key: string, make: () => Promise<Step>): Promise<Step> {
  const known = steps.get(key);
  if (known !== undefined) return known;
  const pending = make();
  steps.set(key, pending);
  pending.catch(() => steps.delete(key));
  return pending;
}

/** Forgets steps, and disposes of them when they are done. */
function release(steps: Map<string, Promise<Step>>): void {
  for (const step of steps.values()) {
    step.then(
      (s) => s.dispose(),
      () => {},
    );
  }
  steps.clear();
}

const changedWeights = (model: string): ConfigError =>
  new ConfigError(
    `model "${model}": layers were frozen, thawed, added or removed since training began. ` +
      'Call model.compile() again: the optimizer starts anew, the weights stay.',
    { op: model },
  );
