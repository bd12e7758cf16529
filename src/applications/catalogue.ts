/** An application with its classifier for ImageNet's 1000 classes. */
export interface ApplicationFacts {
  /** Number of weights. */
  readonly parameters: number;
  /** Height and width of its pictures. */
  readonly size: number;
}

/** What applications are like, by name, so that one can be chosen without building any. */
export const catalogue = {
  mobileNet: { parameters: 4_253_864, size: 224 },
  mobileNetV2: { parameters: 3_538_984, size: 224 },
  mobileNetV3Small: { parameters: 2_554_968, size: 224 },
  mobileNetV3Large: { parameters: 5_507_432, size: 224 },
  resNet50: { parameters: 25_636_712, size: 224 },
  resNet101: { parameters: 44_707_176, size: 224 },
  resNet152: { parameters: 60_419_944, size: 224 },
  resNet50V2: { parameters: 25_613_800, size: 224 },
  resNet101V2: { parameters: 44_675_560, size: 224 },
  resNet152V2: { parameters: 60_380_648, size: 224 },
  vgg16: { parameters: 138_357_544, size: 224 },
  vgg19: { parameters: 143_667_240, size: 224 },
  denseNet121: { parameters: 8_062_504, size: 224 },
  denseNet169: { parameters: 14_307_880, size: 224 },
  denseNet201: { parameters: 20_242_984, size: 224 },
  efficientNetB0: { parameters: 5_330_571, size: 224 },
  efficientNetB1: { parameters: 7_856_239, size: 240 },
  efficientNetB2: { parameters: 9_177_569, size: 260 },
  efficientNetB3: { parameters: 12_320_535, size: 300 },
  efficientNetB4: { parameters: 19_466_823, size: 380 },
  efficientNetB5: { parameters: 30_562_527, size: 456 },
  efficientNetB6: { parameters: 43_265_143, size: 528 },
  efficientNetB7: { parameters: 66_658_687, size: 600 },
  efficientNetV2B0: { parameters: 7_200_312, size: 224 },
  efficientNetV2B1: { parameters: 8_212_124, size: 240 },
  efficientNetV2B2: { parameters: 10_178_374, size: 260 },
  efficientNetV2B3: { parameters: 14_467_622, size: 300 },
  efficientNetV2S: { parameters: 21_612_360, size: 384 },
  efficientNetV2M: { parameters: 54_431_388, size: 480 },
  efficientNetV2L: { parameters: 119_027_848, size: 480 },
  inceptionV3: { parameters: 23_851_784, size: 299 },
  inceptionResNetV2: { parameters: 55_873_736, size: 299 },
  xception: { parameters: 22_910_480, size: 299 },
  nasNetMobile: { parameters: 5_326_716, size: 224 },
  nasNetLarge: { parameters: 88_949_818, size: 331 },
  convNeXtTiny: { parameters: 28_589_128, size: 224 },
  convNeXtSmall: { parameters: 50_223_688, size: 224 },
  convNeXtBase: { parameters: 88_591_464, size: 224 },
  convNeXtLarge: { parameters: 197_767_336, size: 224 },
  convNeXtXLarge: { parameters: 350_196_968, size: 224 },
} as const satisfies Readonly<Record<string, ApplicationFacts>>;
