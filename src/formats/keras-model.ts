import { z } from 'zod';
import { type DType, isDtype } from '../core/dtype.ts';
import { FormatError, TfkError } from '../errors.ts';
import { InputLayer } from '../layers/input.ts';
import type { Layer } from '../layers/layer.ts';
import { layerRegistry } from '../layers/registry.ts';
import { Functional } from '../models/functional.ts';
import { Model } from '../models/model.ts';
import { Sequential } from '../models/sequential.ts';
import { functionalFromKeras, functionalToKeras } from './keras-graph.ts';
import {
  configToKeras,
  dtypeName,
  excerpt,
  float32Policy,
  type Json,
  type JsonRecord,
  type KerasObject,
  objectFromKeras,
  objectToKeras,
  type RawObject,
  type ReadContext,
  rawObject,
} from './keras-objects.ts';
