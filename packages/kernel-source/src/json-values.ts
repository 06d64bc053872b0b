/** Whether a value of JSON is an object. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}

/** Whether a value is a list of version ranges, or absent. */
export function isApplicability(value: unknown): boolean {
  return value === undefined || (Array.isArray(value) && value.every(isRange));
}

function isRange(value: unknown): boolean {
  if (!isRecord(value)) return false;
  return Object.entries(value).every(
    ([key, version]) =>
      (key === 'since' || key === 'before') &&
      typeof version === 'string' &&
      /^\d+\.\d+(?:\.\d+)?$/u.test(version),
  );
}
