import { join } from 'node:path';
import type { Config, RunData } from '../config/index.ts';
import type { callbacks, History, Model } from '../index.ts';
import type { Interrupt } from './interrupt.ts';
import { formatMetrics, printJson } from './text.ts';

/** How a run goes about it. */
export interface RunOptions {
  /** Goes on with what is in the output folder. */
  readonly resume?: boolean | undefined;
  /** File for a trace of the first steps. */
  readonly profile?: string | undefined;
  readonly quiet?: boolean | undefined;
  readonly json?: boolean | undefined;
  /** Asked after an epoch, with the history so far, whether to stop, saved, to go on later. */
  readonly pauses?: ((history: History) => boolean) | undefined;
}

/** How a run came to its end: with all its epochs, at a pause, or by Ctrl-C or SIGTERM. */
export type RunEnd = 'finished' | 'paused' | 'interrupted';

/** One training run, from the config to the files. */
export class TrainingRun {
  readonly #config: Config;
  readonly #options: RunOptions;
  readonly #interrupt: Interrupt;
  readonly #say: (text: string) => void;

  constructor(config: Config, options: RunOptions, interrupt: Interrupt) {
    this.#config = config;
    this.#options = options;
    this.#interrupt = interrupt;
    this.#say = options.quiet || options.json ? () => {} : console.log;
  }

  async start(): Promise<RunEnd> {
    const tfk = await import('../index.ts');
    const { openData, openRunFolder } = await import('../config/index.ts');
    const { output } = this.#config;
    const seed = this.#config.seed ?? tfk.globalSeed();
    tfk.setRandomSeed(seed);
    const config = { ...this.#config, seed };
    const data = await openData(config.data);
    const model = await this.#build(data);
    // an earlier run goes only now that this one can begin
    const folder = await openRunFolder(output, this.#options.resume === true);
    try {
      return await this.#train(config, model, data);
    } finally {
      await folder.release();
      model.dispose();
    }
  }

  async #build(data: RunData): Promise<Model> {
    const { buildModel, compileModel, shapesOf } = await import('../config/index.ts');
    const model = await buildModel(this.#config.model, shapesOf(data.train));
    compileModel(model, this.#config);
    return model;
  }

  async #train(config: Config, model: Model, data: RunData): Promise<RunEnd> {
    const { backends } = await import('../index.ts');
    const { cachedFeatures, countOf, newRecord, PictureFiles, relocated, runFiles, weightsHash, writeJson } =
      await import('../config/index.ts');
    const begun = performance.now();
    const { output } = config;
    const { runtime } = await backends.getBackend(config.backend);
    const record = await newRecord(config, data, runtime);
    if (data.train.classNames) await writeJson(join(output, runFiles.classes), data.train.classNames);
    if (!(data.train instanceof PictureFiles))
      await data.train.features?.save(join(output, runFiles.features));
    await writeJson(join(output, runFiles.record), record);
    await writeJson(join(output, runFiles.config), relocated(config, output));
    this.#say(
      `Training ${model.countParams().toLocaleString('en-US')} parameters on ${countOf(data.train)} samples, seed ${config.seed}.`,
    );
    let paused = false;
    const training = await cachedFeatures(model, data, config);
    const history = await this.#fit(training.model, training.data, () => {
      paused = true;
    });
    await model.save(join(output, runFiles.model), { overwrite: true });
    await writeJson(join(output, runFiles.history), history);
    const epochs = config.fit.initialEpoch + (history.loss?.length ?? 0);
    if (this.#interrupt.requested) return this.#stopped(epochs);
    if (paused) return 'paused';
    await writeJson(join(output, runFiles.record), { ...record, weights: weightsHash(model) });
    const seconds = Math.round((performance.now() - begun) / 10) / 100;
    await this.#finish(model, data, { epochs, seconds, history });
    return 'finished';
  }

  async #fit(model: Model, data: RunData, onPause: () => void): Promise<History> {
    const { fitArguments } = await import('../config/index.ts');
    const { profile, quiet, json } = this.#options;
    const [x, y, options] = fitArguments(data, this.#config);
    return model.fit(x, y, {
      ...options,
      ...(profile !== undefined && { profile }),
      verbose: quiet || json ? 0 : 'auto',
      callbacks: await this.#callbacks(onPause),
    });
  }

  /** Those of the config; the log; what keeps the run; Ctrl-C and the pause. */
  async #callbacks(onPause: () => void): Promise<callbacks.Callback[]> {
    const tfk = await import('../index.ts');
    const { buildCallbacks, checkpointFolder, runFiles } = await import('../config/index.ts');
    const { output, checkpoint, fit } = this.#config;
    const pause = (): void => {
      const { history, stopped } = stop.run;
      const epochs = fit.initialEpoch + (history.loss?.length ?? 0);
      if (epochs === fit.epochs || stopped || !this.#options.pauses?.(history)) return;
      onPause();
      stop.run.interrupt();
    };
    const stop = tfk.callbacks.lambda({
      onTrainBegin: () => {
        this.#interrupt.arm(() => stop.run.interrupt());
        if (stop.run.history.loss) pause(); // the process died as it paused
      },
      onEpochDone: pause,
    });
    return [
      ...buildCallbacks(this.#config, output),
      tfk.callbacks.csvLogger({ path: join(output, runFiles.log) }),
      tfk.callbacks.backupAndRestore({
        ...checkpoint,
        backupDir: join(output, checkpointFolder),
        deleteCheckpoint: false, // until all figures are written
      }),
      stop,
    ];
  }

  #stopped(epochs: number): RunEnd {
    const { output, fit } = this.#config;
    const goOn = `tfk resume ${output}`;
    if (this.#options.json) printJson({ output, epochs, interrupted: true, goOn });
    else if (!this.#options.pauses)
      console.error(
        `tfk: stopped after ${epochs} of ${fit.epochs} epochs; saved in ${output}. Go on with: ${goOn}`,
      );
    process.exitCode = this.#interrupt.exitCode;
    return 'interrupted';
  }

  async #finish(
    model: Model,
    { test }: RunData,
    { epochs, seconds, history }: { epochs: number; seconds: number; history: History },
  ): Promise<void> {
    const { closeRun, evaluateArguments, runFiles, writeJson } = await import('../config/index.ts');
    const { output, fit } = this.#config;
    const last = Object.entries(history).map(([key, values]) => [key, values.at(-1) as number] as const);
    const validation = last
      .filter(([key]) => key.startsWith('val_'))
      .map(([key, v]) => [key.slice(4), v] as const);
    const metrics = {
      train: Object.fromEntries(last.filter(([key]) => !key.startsWith('val_'))),
      ...(validation.length > 0 && { validation: Object.fromEntries(validation) }),
      ...(test && { test: await model.evaluate(...evaluateArguments(test, fit.batchSize)) }),
    };
    await writeJson(join(output, runFiles.metrics), { epochs, seconds, ...metrics });
    await closeRun(output);
    if (this.#options.json) printJson({ output, epochs, seconds, ...metrics });
    if (metrics.test) this.#say(`Test: ${formatMetrics(metrics.test)}`);
    this.#say(`Saved in ${output} after ${seconds} s. Try: tfk evaluate ${output}`);
  }
}
