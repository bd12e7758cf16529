import * as z from 'zod';

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
  const choose = (value: unknown, context: z.RefinementCtx): z.output<F[keyof F]> => {
    const form = forms[pick(value)] as z.ZodType<z.output<F[keyof F]>>;
    const result = form.safeParse(value);
    if (result.success) return result.data;
    for (const issue of result.error.issues) context.addIssue(issue as z.core.$ZodSuperRefineIssue);
    return z.NEVER;
  };
  return z
    .unknown()
    .transform(choose)
    .meta({ forms: Object.values(forms) });
}

/** The forms of a schema made by {@link choice}. */
export function formsOf(schema: z.core.$ZodType): readonly z.ZodType[] | undefined {
  const forms = z.globalRegistry.get(schema)?.forms;
  return Array.isArray(forms) ? forms : undefined;
}

/** Whether a value is an object (not a list) that has one of the keys. */
export const hasKey = (value: unknown, ...keys: readonly string[]): boolean =>
  typeof value === 'object' && value !== null && keys.some((key) => Object.hasOwn(value, key));
