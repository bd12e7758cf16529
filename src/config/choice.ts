import { z } from 'zod';

/** The forms of each schema made by {@link choice}. */
export const choices = new WeakMap<object, readonly z.ZodType[]>();

/**
 * A schema of several forms of which `pick` chooses one by looking at the value, so that messages speak of that form
 * alone (those of a union speak of all).
 * @param forms - schemas by name
 * @param pick - the name of the form that the value is meant to have
 */
export function choice<F extends Readonly<Record<string, z.ZodType>>>(
  forms: F,
  pick: (value: unknown) => keyof F,
): z.ZodType<z.output<F[keyof F]>> {
  const schema: z.ZodType<z.output<F[keyof F]>> = z.unknown().transform((value, context) => {
    const form = forms[pick(value)] as z.ZodType<z.output<F[keyof F]>>;
    const result = form.safeParse(value);
    if (result.success) return result.data;
    for (const issue of result.error.issues) context.addIssue(issue as z.core.$ZodSuperRefineIssue);
    return z.NEVER;
  });
  choices.set(schema, Object.values(forms));
  return schema;
}

/** Whether a value is an object (not a list) that has one of the keys. */
export const hasKey = (value: unknown, ...keys: readonly string[]): boolean =>
  typeof value === 'object' && value !== null && keys.some((key) => Object.hasOwn(value, key));
