// A tool's arguments for people: names and values, or the text as it came.

function parsed(raw: string): unknown {
  try {
    return raw.trim() === "" ? {} : (JSON.parse(raw) as unknown);
  } catch {
    return undefined;
  }
}

/** Null where the arguments are not an object, or not complete. */
export function rowsOf(raw: string): [string, string][] | null {
  const value = parsed(raw);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  return Object.entries(value).map(([name, one]) => [name, typeof one === "string" ? one : JSON.stringify(one, null, 1)]);
}

export function pretty(raw: string): string {
  const value = parsed(raw);
  return value === undefined ? raw : JSON.stringify(value, null, 2);
}
