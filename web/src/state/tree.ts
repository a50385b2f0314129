// The tree of a conversation's turns: branches, siblings, and the way to a leaf. Pure.
import type { Turn } from "../api/types";

export type Turns = ReadonlyMap<string, Turn>;

/** From the root to the turn. A parent that is not there, or a loop, ends the way. */
export function branch(turns: Turns, head: string | null): Turn[] {
  const path: Turn[] = [];
  const seen = new Set<string>();
  for (let at = head === null ? undefined : turns.get(head); at !== undefined && !seen.has(at.id); at = turns.get(at.parent ?? "")) {
    seen.add(at.id);
    path.push(at);
  }
  return path.reverse();
}

/** The turns below a parent in the order in which they came, which is that of the map: clocks may go backwards. */
export function children(turns: Turns, parent: string | null): Turn[] {
  return [...turns.values()].filter((turn) => turn.parent === parent);
}

/** Children of every parent at once: a long conversation asks for the siblings of each turn. */
export function byParent(turns: Turns): Map<string | null, Turn[]> {
  const found = new Map<string | null, Turn[]>();
  for (const turn of turns.values()) {
    const siblings = found.get(turn.parent);
    if (siblings) siblings.push(turn);
    else found.set(turn.parent, [turn]);
  }
  return found;
}

/** The leaf below a turn that was worked on last: what a switch of branches shows. */
export function leaf(turns: Turns, from: string): string {
  const below = byParent(turns);
  let at = from;
  for (const seen = new Set([from]); ; seen.add(at)) {
    const next = below.get(at)?.at(-1);
    if (next === undefined || seen.has(next.id)) return at;
    at = next.id;
  }
}

/** The last turn of the user on the way to the head. */
export function lastQuestion(path: readonly Turn[]): Turn | undefined {
  return path.findLast((turn) => turn.role === "user");
}
