// What is being said stands in the turn that it belongs to, until that is whole.
import { expect, it } from "vitest";
import type { Turn } from "../../src/api/types";
import { Cell } from "../../src/state/cell.svelte";
import type { Thread } from "../../src/state/thread.svelte";
import { Captions } from "../../src/voice/captions";

const cell = (id: string, role: Turn["role"], status: Turn["status"] = "running"): Cell =>
  new Cell({ id, conversation: "c", parent: null, role, created: 0, parts: [], status });

function made(...cells: Cell[]): { captions: Captions; cells: Cell[] } {
  const thread = { path: cells, cell: (id: string) => cells.find((one) => one.turn.id === id) };
  return { captions: new Captions(thread as unknown as Thread), cells };
}

const words = (item: string, by: "user" | "assistant", text: string, mode: "delta" | "replacement" | "final" = "delta") =>
  ({ type: "transcript", item, by, mode, text }) as const;
const texts = (cells: Cell[]): string[] => cells.map(({ turn }) => turn.parts.map((part) => ("text" in part ? part.text : "")).join());

it("writes each speaker's words into their own turn, and corrects them", () => {
  const { captions, cells } = made(cell("old", "user", "complete"), cell("u", "user"), cell("a", "assistant"));
  captions.add(words("1", "user", "helo "));
  captions.add(words("2", "assistant", "Good "));
  captions.add(words("1", "user", "hello there", "replacement"));
  captions.add(words("2", "assistant", "morning"));
  expect(texts(cells)).toEqual(["", "hello there", "Good morning"]);
});

it("waits for a turn that is not there yet, and never changes one that is whole", () => {
  const { captions, cells } = made();
  captions.add(words("1", "assistant", "One"));
  cells.push(cell("a", "assistant"));
  captions.show();
  captions.add(words("2", "assistant", "Two"));
  expect(texts(cells)).toEqual(["One"]);
  cells[0]!.turn = { ...cells[0]!.turn, status: "complete", parts: [{ type: "text", text: "On" }] };
  captions.show();
  captions.add(words("1", "assistant", " more"));
  expect(texts(cells)).toEqual(["On"]);
  cells.push(cell("b", "assistant"), cell("c", "assistant"));
  captions.show();
  expect(texts(cells)).toEqual(["On", "Two", ""]);
});

it("cuts what a session leaves unfinished, whatever comes late, and lets a session that comes back write on", () => {
  const { captions, cells } = made(cell("u", "user", "complete"), cell("a", "assistant"));
  const [, answer] = cells as [Cell, Cell];
  const statuses = (): string[] => cells.map(({ turn }) => turn.status);
  captions.begin(false);
  captions.add(words("1", "assistant", "Good "));
  expect(captions.end()).toBe(true);
  expect([statuses(), texts(cells)]).toEqual([["complete", "interrupted"], ["", "Good "]]);
  // What is told of it late is older than its end.
  answer.turn = { ...answer.turn, status: "running", parts: [] };
  captions.show();
  expect(statuses()).toEqual(["complete", "interrupted"]);
  expect(captions.end()).toBe(false);
  expect(captions.begin(true)).toBe(true);
  answer.turn = { ...answer.turn, status: "running" };
  captions.add(words("1", "assistant", "morning"));
  expect([statuses(), texts(cells)]).toEqual([["complete", "running"], ["", "Good morning"]]);
});

it("takes the items of another session for others, and leaves what a run writes alone", () => {
  const { captions, cells } = made(cell("a", "assistant"));
  captions.begin(false);
  captions.add(words("1", "assistant", "One"));
  captions.end();
  captions.begin(false);
  cells.push(cell("b", "assistant"));
  captions.add(words("1", "assistant", "Two"));
  expect(texts(cells)).toEqual(["One", "Two"]);
  cells.push(cell("run", "assistant"));
  cells[2]!.turn = { ...cells[2]!.turn, run: "r" };
  captions.end();
  expect(cells.map(({ turn }) => turn.status)).toEqual(["interrupted", "interrupted", "running"]);
});
