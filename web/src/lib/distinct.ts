// Lists of rows that come from elsewhere: a view may be drawn once for each key, so each key stands once.

/** The rows without those whose key was there before. */
export function distinct<T>(rows: readonly T[], key: (row: T) => string): T[] {
  const seen = new Set<string>();
  return rows.filter((row) => !seen.has(key(row)) && seen.add(key(row)));
}
