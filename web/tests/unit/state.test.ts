// The pure halves of the page's state: folding events, the tree, searching and grouping models, forms, numbers.
import { describe, expect, it } from "vitest";
import type { RunEvent } from "../../src/api/events";
import type { ModelRow, Schema, Turn } from "../../src/api/types";
import { day, money, speed, sumOfMoney, tokens } from "../../src/lib/format";
import { groups, search } from "../../src/lib/models";
import { fields, parse } from "../../src/lib/schema";
import { hue, letters } from "../../src/lib/seal";
import { fold, textOf, writing } from "../../src/state/fold";
import { Cell } from "../../src/state/cell.svelte";
import { branch, leaf } from "../../src/state/tree";
import { rowsOf } from "../../src/views/thread/rows";

const turn = (id: string, parent: string | null, created = 0, more: Partial<Turn> = {}): Turn =>
  ({ id, conversation: "c", parent, role: "assistant", created, parts: [], status: "running", ...more });

describe("folding", () => {
  const play = (events: RunEvent[]): Turn => {
    const state = writing(turn("t", null));
    for (const event of events) fold(state, event, 40);
    return state.turn;
  };

  it("lists parts that interleave in the order of their start, of the first choice only", () => {
    const made = play([
      { type: "started", model: "real" },
      { type: "part_start", part: 7, kind: { type: "reasoning" } },
      { type: "part_start", part: 2, choice: 0, kind: { type: "text" } },
      { type: "part_start", part: 9, choice: 1, kind: { type: "text" } },
      { type: "part_delta", part: 2, delta: { text: "an" } },
      { type: "part_delta", part: 7, delta: { text: "hm" } },
      { type: "part_delta", part: 9, delta: { text: "other" } },
      { type: "part_delta", part: 2, delta: { text: "swer" } },
      { type: "usage", input: 3, output: null },
      { type: "usage", output: 5 },
    ]);
    expect(made.parts.map((part) => part.type)).toEqual(["reasoning", "text"]);
    expect(textOf(made.parts)).toBe("answer");
    expect(made).toMatchObject({ resolved_model: "real", usage: { input: 3, output: 5 }, timings: { first_ms: 40 } });
  });

  it("gives a new part for each change, so that a view sees it", () => {
    const state = writing(turn("t", null));
    fold(state, { type: "part_start", part: 0, kind: { type: "text" } }, 0);
    const before = state.turn.parts[0];
    fold(state, { type: "part_delta", part: 0, delta: { text: "x" } }, 0);
    expect(state.turn.parts[0]).not.toBe(before);
  });

  it("times each thought from its start to its end, or to what is said after it", () => {
    const state = writing(turn("t", null));
    const at = (ms: number, event: RunEvent): boolean => fold(state, event, ms);
    at(100, { type: "part_start", part: 0, kind: { type: "reasoning" } });
    at(350, { type: "part_end", part: 0 });
    expect(state.turn.timings?.thought_ms).toBe(250);
    at(400, { type: "part_start", part: 1, kind: { type: "reasoning" } });
    at(500, { type: "part_start", part: 2, kind: { type: "text" } });
    at(900, { type: "finished", reason: "stop" });
    expect(state.turn.timings?.thought_ms).toBe(350);
  });

  it("joins media whose pieces were encoded one by one", () => {
    const made = play([
      { type: "part_start", part: 0, kind: { type: "media", mime: "image/png" } },
      { type: "part_delta", part: 0, delta: { media: btoa("a") } },
      { type: "part_delta", part: 0, delta: { media: btoa("bc") } },
    ]);
    expect(made.parts[0]).toMatchObject({ source: { bytes: btoa("abc") } });
  });
});

describe("the tree", () => {
  const all = [turn("q", null, 1), turn("a1", "q", 2), turn("a2", "q", 3), turn("q2", "a1", 4), turn("lost", "gone", 5)];
  const turns = new Map(all.map((one) => [one.id, one]));

  it("walks from the root to the head, and ends at what is not there", () => {
    expect(branch(turns, "q2").map(({ id }) => id)).toEqual(["q", "a1", "q2"]);
    expect(branch(turns, "lost").map(({ id }) => id)).toEqual(["lost"]);
    expect(branch(turns, null)).toEqual([]);
    const loop = new Map([["x", turn("x", "y")], ["y", turn("y", "x")]]);
    expect(branch(loop, "x").length).toBe(2);
  });

  it("finds the leaf that was worked on last", () => {
    expect(leaf(turns, "a1")).toBe("q2");
    expect(leaf(turns, "q")).toBe("a2");
  });

  it("goes by what came last, also where the clock went backwards meanwhile", () => {
    const later = new Map([turn("q", null, 900), turn("a1", "q", 800), turn("a2", "q", 100)].map((one) => [one.id, one]));
    expect(leaf(later, "q")).toBe("a2");
  });
});

describe("rows of a branch", () => {
  const cell = (id: string, more: Partial<Turn> = {}): Cell => new Cell(turn(id, null, 0, { model: "m", ...more }));
  const path = [cell("q", { role: "user", model: null }), cell("a"), cell("t", { role: "tool" }), cell("b"), cell("q2", { role: "user", model: null }), cell("c")];

  it("hold a question, or all that one model did to answer it", () => {
    expect(rowsOf(path).map(({ kind, ids }) => [kind, ids])).toEqual([["user", ["q"]], ["replies", ["a", "t", "b"]], ["user", ["q2"]], ["replies", ["c"]]]);
    expect(rowsOf([...path, cell("d", { model: "other" })]).at(-1)?.ids).toEqual(["d"]);
  });

  it("are the same objects as before where nothing came, so that their views have nothing to do", () => {
    const before = rowsOf(path);
    const after = rowsOf([...path, cell("e", { role: "tool" }), cell("q3", { role: "user", model: null })], before);
    expect(after.slice(0, 3).every((row, at) => row === before[at])).toBe(true);
    expect(after[3]).not.toBe(before[3]);
    expect(after.length).toBe(5);
  });
});

describe("models", () => {
  const row = (id: string, more: Partial<ModelRow> = {}): ModelRow => ({
    id, name: id, source: { kind: "hosted" }, state: { state: "ready" },
    card: { id, provider: "p", name: id, capabilities: { input: ["text"] }, limits: {} }, ...more,
  });
  const rows = [row("alpha"), row("beta", { offline: true, source: { kind: "builtin" } }), row("bad", { card: null, state: { state: "broken", reason: "x.py:1: no" } })];

  it("stand in one group each, what is broken last", () => {
    const made = groups(rows, "", ["beta"], []);
    expect(made.map(({ name, rows: list }) => [name, list.map(({ id }) => id)])).toEqual([["Pinned", ["beta"]], ["All", ["alpha"]], ["Needs attention", ["bad"]]]);
    const many = groups(Array.from({ length: 20 }, (_, at) => row(`m${at}`)), "", [], ["m3"]);
    expect(many.map(({ name }) => name)).toEqual(["Recent", "Hosted"]);
    // What the user put there and does not work comes before vendors that nobody asked for.
    const offered = row("vendor", { card: null, state: { state: "needs_setup", missing: "the key" } });
    const own = row("mine", { card: null, source: { kind: "plugin" }, state: { state: "needs_setup", missing: "a package" } });
    expect(groups([offered, own], "", [], []).map(({ name, rows: list }) => [name, list[0]?.id])).toEqual([["Needs attention", "mine"], ["To set up", "vendor"]]);
  });

  it("are found by letters in order, and by words that mean something", () => {
    expect(search(rows, "alp").map(({ id }) => id)).toEqual(["alpha"]);
    expect(search(rows, "local").map(({ id }) => id)).toEqual(["beta"]);
    expect(search(rows, "vision")).toEqual([]);
  });

  it("have seals that are the same each time and not all of one hue", () => {
    expect(letters("acme/large-2")).toBe("la");
    expect(letters("你好")).toBe("你好");
    expect(letters("")).toBe("?");
    expect(new Set(["script", "demo", "claude_plugin", "gpt4_plugin", "echo", "acme/large"].map(hue)).size).toBeGreaterThan(3);
  });
});

describe("a form of a schema", () => {
  it("knows switches, choices, numbers with bounds, optional values, and anything else as JSON", () => {
    const made = fields({ properties: {
      a: { type: "boolean" }, b: { enum: ["x", "y"] }, c: { type: "integer", minimum: 1 }, d: { anyOf: [{ type: "number" }, { type: "null" }] }, e: { type: "array" },
    } });
    expect(made.map(({ kind }) => kind)).toEqual(["switch", "choice", "integer", "number", "json"]);
    const [, , c, d, e] = made;
    expect(c && parse(c, "0").problem).toBe("at least 1");
    expect(c && parse(c, "1.5").problem).toBe("not a whole number");
    expect(d && parse(d, " 0.5 ").value).toBe(0.5);
    expect(d && parse(d, "")).toEqual({});
    expect(e && parse(e, "[1").problem).toBe("not JSON");
  });

  it("takes any JSON for a schema: what is no property is left out, what is no list of choices offers none", () => {
    const made = (properties: unknown, more: object = {}): [string, string, string[]][] =>
      fields({ properties, ...more } as Schema).map(({ name, kind, choices }) => [name, kind, choices]);
    expect(made({ a: null, b: 7, c: [], d: { type: "string" } })).toEqual([["d", "text", []]]);
    expect(made({ a: { anyOf: {} }, b: { anyOf: [null, { type: "number" }] }, c: { enum: "abc" } })).toEqual([["a", "json", []], ["b", "number", []], ["c", "json", []]]);
    expect(made({ a: { enum: ["x", "x", "y"] }, b: { enum: [] } })).toEqual([["a", "choice", ["x", "y"]], ["b", "json", []]]);
    expect(made({ a: { title: {}, description: 3, minimum: "x" } }, { required: {} }).length).toBe(1);
    expect([made(null), made("abc"), made([1])]).toEqual([[], [], []]);
  });
});

describe("numbers for people", () => {
  it("never show what is unknown as nothing", () => {
    expect(money(null)).toBe("cost unknown");
    expect(money(0)).toBe("$0");
    expect(money(14_200_000)).toBe("$0.0142");
    expect(money(5)).toBe("<$0.0001");
    expect(sumOfMoney(14_200_000, 2)).toBe("$0.0142 + unknown");
    expect(sumOfMoney(0, 1)).toBe("cost unknown");
  });

  it("stay calm at odd inputs: clocks that go back, times of zero", () => {
    expect(tokens(3100)).toBe("3.1k");
    expect(tokens(200_000)).toBe("200k");
    expect(speed({ output: 10 }, { first_ms: 5, total_ms: 5 })).toBeNull();
    expect(day(2_000_000, 1_000_000)).toBe("Today");
  });
});
