// What the browser keeps. Where storage is full or forbidden, nothing is kept and nothing breaks.

export function kept<T>(name: string, fallback: T): T {
  try {
    const text = localStorage.getItem(`consort.${name}`);
    return text === null ? fallback : (JSON.parse(text) as T);
  } catch {
    return fallback;
  }
}

/** Says whether it was kept. */
export function keep(name: string, value: unknown): boolean {
  try {
    if (value === null || value === undefined || value === "") localStorage.removeItem(`consort.${name}`);
    else localStorage.setItem(`consort.${name}`, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}
