// The turns of a branch as rows of the page: a question, or all that a run answered to it. Pure.
import type { Cell } from "../../state/cell.svelte";

export type Row =
  | { kind: "user"; id: string; ids: string[]; cell: Cell }
  | { kind: "replies"; id: string; ids: string[]; cells: Cell[] };

/** Replies with tools between them stand in one row under one byline, as long as the same model goes on. */
export function rowsOf(path: readonly Cell[]): Row[] {
  const rows: Row[] = [];
  for (const cell of path) {
    const { id, role, model } = cell.turn;
    const before = rows.at(-1);
    if (role === "user" || role === "system") {
      rows.push({ kind: "user", id, ids: [id], cell });
    } else if (before?.kind === "replies" && (role === "tool" || before.cells.at(-1)?.turn.role === "tool" || before.cells[0]?.turn.model === model)) {
      before.cells.push(cell);
      before.ids.push(id);
    } else {
      rows.push({ kind: "replies", id, ids: [id], cells: [cell] });
    }
  }
  return rows;
}
