import { activation } from '../layers/activation.ts';
import { batchNormalization } from '../layers/batch-normalization.ts';
import { conv2d } from '../layers/conv.ts';
import { depthwiseConv2d } from '../layers/depthwise-conv.ts';
import { dropout } from '../layers/dropout.ts';
import { globalAveragePooling2d } from '../layers/global-pooling.ts';
import type { Layer } from '../layers/layer.ts';
import { add, multiply } from '../layers/merging.ts';
import { zeroPadding2d } from '../layers/padding.ts';
import { reshape } from '../layers/reshaping.ts';
import type { SymbolicTensor } from '../layers/symbolic.ts';
import { chain, channelsOf, padForStride2 } from './blocks.ts';

/** Of convolutions in EfficientNets: normal, variance `2 / fanOut`. */
export const convInitializer = {
  className: 'VarianceScaling',
  config: { scale: 2, mode: 'fanOut', distribution: 'truncatedNormal' },
};
/** Of their classifier: uniform, variance `1 / (3 fanOut)`. */
export const denseInitializer = {
  className: 'VarianceScaling',
  config: { scale: 1 / 3, mode: 'fanOut', distribution: 'uniform' },
};

/** Blocks of the same kind, the first of which may halve the image and change the number of channels. */
export interface Stage {
  readonly kernelSize: number;
  /** Filters that come in: squeeze and excitation is a quarter as wide. */
  readonly before: number;
  readonly after: number;
  readonly expansion: number;
  readonly strides: number;
  /** Expansion and depthwise convolution as one convolution, without squeeze and excitation. */
  readonly fused?: boolean;
}

/** What the two versions of EfficientNet do differently. */
export interface BlockStyle {
  readonly momentum: number;
  /** Name of the depthwise convolution. */
  readonly depthwise: string;
  /** Whether zeros for strides of 2 are a layer of their own. */
  readonly pads: boolean;
  /** By how much a block is dropped more often than the one before. */
  readonly dropStep: number;
}

/** The blocks of EfficientNets: mobile inverted bottlenecks, dropped ever more often while training. */
export class MobileBlocks {
  readonly #style: BlockStyle;
  #count = 0;

  constructor(style: BlockStyle) {
    this.#style = style;
  }

  /** `repeats` blocks, named `block1a_`, `block1b_`, ... */
  stage(x: SymbolicTensor, stage: Stage, repeats: number, name: string): SymbolicTensor {
    const { after } = stage;
    let y = x;
    for (let i = 0; i < repeats; i++) {
      const inner = i === 0 ? stage : { ...stage, before: after, strides: 1 };
      const prefix = `${name}${String.fromCharCode(97 + i)}_`;
      y = this.#around(y, inner, prefix, inner.fused ? this.#fused : this.#separate);
    }
    return y;
  }

  /** A block with a way around it, where the shape stays. */
  #around(
    x: SymbolicTensor,
    stage: Stage,
    prefix: string,
    block: (x: SymbolicTensor, stage: Stage, prefix: string) => SymbolicTensor,
  ): SymbolicTensor {
    const y = block(x, stage, prefix);
    const rate = this.#style.dropStep * this.#count++;
    if (stage.strides !== 1 || stage.before !== stage.after) return y;
    const drop = { rate, noiseShape: [null, 1, 1, 1], name: `${prefix}drop` };
    return add({ name: `${prefix}add` }).apply([rate > 0 ? dropout(drop).apply(y) : y, x]);
  }

  readonly #separate = (x: SymbolicTensor, stage: Stage, prefix: string): SymbolicTensor => {
    const { kernelSize, before, after, expansion, strides } = stage;
    const { depthwise, pads } = this.#style;
    let y = x;
    if (expansion !== 1) y = chain(y, ...this.#conv(before * expansion, 1, 1, `${prefix}expand_`, true));
    if (strides === 2 && pads) {
      y = zeroPadding2d({ padding: padForStride2(y, kernelSize), name: `${prefix}dwconv_pad` }).apply(y);
    }
    const conv = depthwiseConv2d({
      kernelSize,
      strides,
      padding: strides === 2 && pads ? 'valid' : 'same',
      useBias: false,
      depthwiseInitializer: convInitializer,
      name: `${prefix}${depthwise}`,
    });
    y = chain(y, conv, this.#normalized(`${prefix}bn`), swish(`${prefix}activation`));
    y = squeezeExcite(y, Math.max(1, Math.trunc(before / 4)), `${prefix}se_`);
    return chain(y, ...this.#conv(after, 1, 1, `${prefix}project_`, false));
  };

  readonly #fused = (x: SymbolicTensor, stage: Stage, prefix: string): SymbolicTensor => {
    const { kernelSize, before, after, expansion, strides } = stage;
    const project = `${prefix}project_`;
    if (expansion === 1) return chain(x, ...this.#conv(after, kernelSize, strides, project, true));
    return chain(
      x,
      ...this.#conv(before * expansion, kernelSize, strides, `${prefix}expand_`, true),
      ...this.#conv(after, 1, 1, project, false),
    );
  };

  #normalized(name: string): Layer {
    return batchNormalization({ momentum: this.#style.momentum, name });
  }

  /** Convolution and normalization, with `swish` or without. */
  #conv(filters: number, kernelSize: number, strides: number, prefix: string, active: boolean): Layer[] {
    const conv = {
      filters,
      kernelSize,
      strides,
      padding: 'same',
      kernelInitializer: convInitializer,
    } as const;
    const layers = [
      conv2d({ ...conv, useBias: false, name: `${prefix}conv` }),
      this.#normalized(`${prefix}bn`),
    ];
    return active ? [...layers, swish(`${prefix}activation`)] : layers;
  }
}

const swish = (name: string): Layer => activation({ activation: 'swish', name });

/** Factors for the channels: `x * sigmoid(expand(swish(reduce(mean(x)))))`. */
function squeezeExcite(x: SymbolicTensor, filters: number, prefix: string): SymbolicTensor {
  const channels = channelsOf(x);
  const conv = { kernelSize: 1, padding: 'same', kernelInitializer: convInitializer } as const;
  const factors = chain(
    x,
    globalAveragePooling2d({ name: `${prefix}squeeze` }),
    reshape({ targetShape: [1, 1, channels], name: `${prefix}reshape` }),
    conv2d({ ...conv, filters, activation: 'swish', name: `${prefix}reduce` }),
    conv2d({ ...conv, filters: channels, activation: 'sigmoid', name: `${prefix}expand` }),
  );
  return multiply({ name: `${prefix}excite` }).apply([x, factors]);
}
