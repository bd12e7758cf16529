import { z } from 'zod';
import type { PartialShape, Shape } from '../core/shape.ts';
import { samePads, transpose, type Value } from '../ops/index.ts';
