/** A value given on a command line: JSON, or else the text itself. */
export function textOrJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
