import { z } from 'zod';
import { Registry } from '../core/registry.ts';
import { ConfigError } from '../errors.ts';
import type { Value } from '../ir/graph.ts';
import { relu, sigmoid, softmax, tanh } from '../ops/index.ts';

/** A function of one value, of the same shape. */
export type Activation = (x: Value) => Value;

/** Activation functions by name. */
export const activations = new Registry<Activation>('activation');

activations.add('linear', (x) => x);
activations.add('relu', relu);
activations.add('sigmoid', sigmoid);
activations.add('tanh', tanh);
activations.add('softmax', (x) => softmax(x));

/** An option that names an activation; `byDefault` is Keras's default. */
export const activationOption = (byDefault = 'linear') =>
  z
    .string()
    .nullable()
    .transform((name, context) => {
      if (name === null) return 'linear';
      try {
        activations.get(name);
        return name;
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        context.addIssue({ code: 'custom', message: error.message });
        return z.NEVER;
      }
    })
    .default(byDefault);
