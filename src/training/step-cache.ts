import { yieldToEventLoop } from '../core/event-loop.ts';
import { ConfigError } from '../errors.ts';
import type { Compiled } from './compile.ts';
import { typesKey } from './feeder.ts';
import { ParameterStore } from './parameters.ts';
import type { Profile } from './profile.ts';
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
  /** Steps that are tied to the present place of the weights, found without making a key. */
  readonly #ready = new Map<BatchTypes, Map<string, Step>>();
  /** Learning rate that was set before training began. */
  #firstRate: number | undefined;
  #store: ParameterStore | undefined;
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

  /** Forgets where weights were: another model may have moved them. */
  refresh(): void {
    this.#ready.clear();
  }

  /** All steps in use now. */
  get steps(): readonly Step[] {
    return [...this.#ready.values()].flatMap((kinds) => [...kinds.values()]);
  }

  /** The step, if it is ready to run. */
  find(kind: StepKind, types: BatchTypes, repeats: number): Step | undefined {
    return this.#ready.get(types)?.get(repeats === 1 ? kind : `${kind}*${repeats}`);
  }

  /** The step: compiled before, or now. */
  async make(kind: StepKind, types: BatchTypes, repeats: number): Promise<Step> {
    const model = this.#model;
    if (!model.built)
      model.inferOutputs(types.x.map(({ dtype, shape }) => ({ dtype, shape: [null, ...shape.slice(1)] })));
    const store = kind === 'train' ? await this.ensureStore() : undefined;
    await yieldToEventLoop();
    const place = repeats === 1 ? kind : `${kind}*${repeats}`;
    // adapters come and go: the number of weights tells the two computations apart
    const key = `${place} ${model.weights.length} ${typesKey(types)}`;
    let pending = this.#steps.get(key);
    if (pending === undefined) {
      pending =
        store !== undefined && (repeats > 1 || !store.hasKernel)
          ? RepeatedStep.create(model, this.#compiled, types, repeats, store, this.#profile)
          : SingleStep.create(model, this.#compiled, types, kind, store, this.#profile);
      this.#steps.set(key, pending);
      pending.catch(() => this.#steps.delete(key));
    }
    const step = await pending;
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

  /** Writes the trace that was begun, if any. */
  async endProfile(): Promise<void> {
    const profile = this.#profile;
    this.#profile = undefined;
    await profile?.end();
  }

  /** Releases native sessions; the weights stay where they are. */
  dispose(): void {
    this.#releaseSteps();
    this.#store?.dispose();
    this.#store = undefined;
  }

  #releaseSteps(): void {
    for (const step of this.#steps.values()) {
      step.then(
        (s) => s.dispose(),
        () => {},
      );
    }
    this.#steps.clear();
    this.#ready.clear();
  }
}

const changedWeights = (model: string): ConfigError =>
  new ConfigError(
    `model "${model}": layers were frozen, thawed, added or removed since training began. ` +
      'Call model.compile() again: the optimizer starts anew, the weights stay.',
    { op: model },
  );
