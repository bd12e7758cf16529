/** Plain JSON, with whole numbers and floats told apart. */
export type Json = null | boolean | number | string | Float | readonly Json[] | JsonRecord;
export interface JsonRecord {
  readonly [key: string]: Json;
}

/** A number that Python shall read as a float, even a whole one. */
export class Float {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }

  toString(): string {
    const text = JSON.stringify(this.value);
    return Number.isInteger(this.value) && !text.includes('e') ? `${text}.0` : text;
  }
}

/** JSON text in which a {@link Float} of 1 is `1.0`. */
export function toJson(value: Json): string {
  if (value instanceof Float) return value.toString();
  if (Array.isArray(value)) return `[${value.map(toJson).join(', ')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const entries = Object.entries(value).map(([key, v]) => `${JSON.stringify(key)}: ${toJson(v)}`);
  return `{${entries.join(', ')}}`;
}
