// Search in short texts: letters in order, words and runs count more.

/** How well the text matches, higher is better; null when it does not. */
export function score(needle: string, text: string): number | null {
  if (needle === "") return 0;
  const hay = text.toLowerCase();
  const whole = hay.indexOf(needle);
  if (whole >= 0) return 1000 - whole - hay.length / 100 + (isStart(hay, whole) ? 200 : 0);
  let points = 0;
  let at = -1;
  for (const char of needle) {
    const next = hay.indexOf(char, at + 1);
    if (next < 0) return null;
    points += next === at + 1 ? 8 : isStart(hay, next) ? 5 : -Math.min(5, next - at);
    at = next;
  }
  return points;
}

const isStart = (text: string, at: number): boolean => at === 0 || !/[\p{L}\p{N}]/u.test(text[at - 1] ?? "");
