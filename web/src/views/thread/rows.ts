// The turns of a branch as rows of the page: a question, or all that a run answered to it. Pure.
import type { Cell } from "../../state/cell.svelte";

export type Row =
  | { kind: "user"; id: string; ids: string[]; cell: Cell }
  | { kind: "replies"; id: string; ids: string[]; cells: Cell[] };

/**
 * Replies with tools between them stand in one row under one byline, as long as the same model goes on. A row that was
 * there before is the same object, so that its view has nothing to do.
 */
export function rowsOf(path: readonly Cell[], before: readonly Row[] = []): Row[] {
  const known = new Map(before.map((row) => [row.id, row]));
  return made(path).map((row) => {
    const old = known.get(row.id);
    return old?.kind === row.kind && old.ids.length === row.ids.length && old.ids.every((id, at) => id === row.ids[at]) ? old : row;
  });
}

function made(path: readonly Cell[]): Row[] {
  const rows: Row[] = [];
  for (const cell of path) {
    const { id, role, model } = cell.turn;
    const last = rows.at(-1);
    if (role === "user" || role === "system") {
      rows.push({ kind: "user", id, ids: [id], cell });
    } else if (last?.kind === "replies" && (role === "tool" || last.cells.at(-1)?.turn.role === "tool" || last.cells[0]?.turn.model === model)) {
      last.cells.push(cell);
      last.ids.push(id);
    } else {
      rows.push({ kind: "replies", id, ids: [id], cells: [cell] });
    }
  }
  return rows;
}
