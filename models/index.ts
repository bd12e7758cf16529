import * as autoencoderConv from './autoencoder-conv/model.ts';
import * as mlp from './mlp/model.ts';
import * as mnistConvnet from './mnist-convnet/model.ts';
import type { ReferenceModel } from './reference-model.ts';
import * as resnet20 from './resnet20/model.ts';
import * as separable from './separable/model.ts';
import * as textClassifier from './text-classifier/model.ts';
import * as transformerDecoder from './transformer-decoder/model.ts';
import * as transformerEncoder from './transformer-encoder/model.ts';
import * as twoInputsTwoOutputs from './two-inputs-two-outputs/model.ts';

/** The reference models by folder. A new one is a folder, a line here and `npm run goldens`. */
export const referenceModels: Readonly<Record<string, ReferenceModel>> = {
  'autoencoder-conv': autoencoderConv,
  mlp,
  'mnist-convnet': mnistConvnet,
  resnet20,
  separable,
  'text-classifier': textClassifier,
  'transformer-decoder': transformerDecoder,
  'transformer-encoder': transformerEncoder,
  'two-inputs-two-outputs': twoInputsTwoOutputs,
};
