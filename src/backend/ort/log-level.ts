const levels = ['verbose', 'info', 'warning', 'error'];

/**
 * ONNX Runtime's log level: 4 (fatal, so silent: failures come as errors anyway), or what TFK_LOG names;
 * any other text there means `warning`.
 */
export function logLevel(setting: string | undefined = process.env.TFK_LOG): number {
  if (setting === undefined || setting === '') return 4;
  const level = levels.indexOf(setting);
  return level < 0 ? 2 : level;
}
