/** A run as the report shows it. */
export interface ReportedRun {
  readonly name: string;
  /** Loss and metrics per epoch; `null` where a figure is not a number. */
  readonly history: Readonly<Record<string, readonly (number | null)[]>>;
  /** Rows of the table at the top, by name. */
  readonly facts: Readonly<Record<string, string>>;
  readonly confusion?: Confusion | undefined;
  /** Worst first. */
  readonly mistakes?: readonly Mistake[] | undefined;
  /** Which data the confusion and the mistakes are of. */
  readonly judgedOn?: 'test' | 'validation' | undefined;
  readonly histograms?: readonly EpochHistograms[] | undefined;
  readonly timings?: Timings | undefined;
  /** The network, as SVG. */
  readonly graph?: string | undefined;
  /** What could not be shown, and why. */
  readonly missing?: readonly string[] | undefined;
}

/** How often class `row` was taken for class `column`. */
export interface Confusion {
  readonly names: readonly string[];
  readonly counts: readonly (readonly number[])[];
}

/** A sample that was taken for another class; `sure` is how much more likely that seemed. */
export interface Mistake {
  readonly truth: string;
  readonly predicted: string;
  readonly sure: number;
  /** A data URL. */
  readonly picture?: string;
  readonly text?: string;
}

/** How numbers are distributed: counts in equal parts of their range. */
export interface Distribution {
  readonly min: number;
  readonly max: number;
  readonly counts: readonly number[];
}

/** What the callback `histograms` recorded after an epoch, by path of the weight. */
export interface EpochHistograms {
  readonly epoch: number;
  readonly weights: Readonly<Record<string, Distribution>>;
  readonly gradients: Readonly<Record<string, Distribution>>;
}

/** Where the time of the traced steps went, in milliseconds, largest first. */
export interface Timings {
  /** Parts of a step: feeding, the native run, the optimizer, ... */
  readonly parts: readonly Timing[];
  /** Layers and what else the native run does. */
  readonly layers: readonly Timing[];
}

export interface Timing {
  readonly name: string;
  readonly milliseconds: number;
}
