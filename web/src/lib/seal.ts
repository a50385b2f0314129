// The seal of a plugin: two letters and one of twelve hues, always the same for the same id.

/** Hues far enough apart to be told from each other, none of them the page's accent alone. */
const HUES = [20, 48, 75, 105, 135, 168, 200, 228, 255, 285, 315, 345];

export function hue(id: string): number {
  let hash = 2166136261;
  for (const char of id) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 16777619);
  // The last letters alone decide the low bits of the sum; mixing lets all of them.
  hash = Math.imul(hash ^ (hash >>> 15), 2246822507);
  hash = Math.imul(hash ^ (hash >>> 13), 3266489909);
  return HUES[((hash ^ (hash >>> 16)) >>> 0) % HUES.length] ?? 168;
}

/** The first letters of the name after its provider, in lower case. */
export function letters(id: string): string {
  const name = id.slice(id.lastIndexOf("/") + 1) || id;
  const words = [...name.matchAll(/[\p{L}\p{N}]+/gu)].map(([word]) => word);
  const first = [...(words[0] ?? "?")];
  return (first.slice(0, 2).join("") || "?").toLowerCase();
}
