/** Networks for pictures with Keras's names of layers, so that their published weights load. */

export type { Application, ApplicationOptions } from './assemble.ts';
export { type ApplicationFacts, catalogue } from './catalogue.ts';
export * from './convnext.ts';
export * from './densenet.ts';
export * from './efficientnet.ts';
export * from './efficientnet-v2.ts';
export { type DecodedPrediction, decodePredictions } from './imagenet.ts';
export * from './inception-resnet-v2.ts';
export * from './inception-v3.ts';
export * from './mobilenet.ts';
export * from './mobilenet-v2.ts';
export * from './mobilenet-v3.ts';
export * from './nasnet.ts';
export * from './resnet.ts';
export * from './vgg.ts';
export * from './xception.ts';
