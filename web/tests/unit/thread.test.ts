// A conversation as one tab follows it: what came between reading and watching, and runs whose events are gone.
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Envelope, RunEvent, Started, Watched } from "../../src/api/events";
import { Failure } from "../../src/api/client";
import type { Live } from "../../src/api/live";
import type { Conversation, Opened, Turn } from "../../src/api/types";
import { say } from "../../src/state/say.svelte";
import { Thread } from "../../src/state/thread.svelte";

const conversation = (revision: number, head: string | null): Conversation =>
  ({ id: "c", title: "C", pinned: false, created: 0, updated: 0, revision, order: 1, model: "m", head, settings: {}, turns: 0, cost: 0, cost_unknown: 0, running: true });
const turn = (id: string, parent: string | null, more: Partial<Turn> = {}): Turn =>
  ({ id, conversation: "c", parent, role: "assistant", created: 0, parts: [], status: "running", model: "m", ...more });
const run = (id: string, of: string): Opened["runs"][number] => ({ id, conversation: "c", turn: of, model: "m", started: 0, last: 0, waiting: [] });

let reads: Opened[];
let replies: Partial<Record<string, () => unknown>>;
let sent: string[];

/** Gives each read in turn, the last one again and again. */
function opened(): Thread {
  vi.stubGlobal("fetch", () => Promise.resolve(Response.json(reads.length > 1 ? reads.shift() : reads[0])));
  const send = (type: string): Promise<unknown> => (sent.push(type), new Promise((resolve) => resolve(replies[type]?.() ?? {})));
  return new Thread("c", { send } as unknown as Live);
}

const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));

beforeEach(() => {
  [reads, replies, sent] = [[], {}, []];
  say.notes = [];
});

describe("a conversation", () => {
  it("is read again where it changed between the reading and the watching", async () => {
    const question = turn("q", null, { role: "user", status: "complete", model: null });
    reads = [{ conversation: conversation(3, null), turns: [], runs: [] }, { conversation: conversation(4, "q"), turns: [question], runs: [] }];
    replies.watch = (): Watched => ({ runs: [], revision: 4 });
    const thread = opened();
    await thread.open();
    await settled();
    expect(thread.path.map((cell) => cell.turn.id)).toEqual(["q"]);
    expect(sent).toEqual(["watch", "watch"]);
  });

  it("goes on with one run where the events of another are gone", async () => {
    const turns = [turn("q", null, { role: "user", status: "complete" }), turn("a", "q", { run: "r1" }), turn("b", "q", { run: "r2" })];
    reads = [
      { conversation: conversation(3, "b"), turns, runs: [run("r1", "a"), run("r2", "b")] },
      { conversation: conversation(3, "b"), turns: turns.map((one) => (one.id === "a" ? { ...one, status: "interrupted" } : one)), runs: [run("r2", "b")] },
    ];
    replies.watch = (): Watched => ({ runs: [], revision: 3 });
    const thread = opened();
    await thread.open();
    let last = 0;
    const tell = (event: RunEvent, number = (last += 1)): void =>
      thread.onevent({ type: "event", run: "r2", sequence_number: number, conversation: "c", turn: "b", at: 0, event } satisfies Envelope);
    tell({ type: "part_start", part: 0, kind: { type: "text" } });
    tell({ type: "part_delta", part: 0, delta: { text: "half of it" } });
    const gone = ["r1"];
    replies.watch = (): Watched => ({ runs: [], revision: 3, gone: gone.splice(0) });
    // A number is missing: the tab asks where it stands.
    tell({ type: "part_end", part: 0 }, last + 2);
    await settled();
    tell({ type: "part_delta", part: 0, delta: { text: ", and the rest" } });
    await vi.waitFor(() => expect(thread.cell("b")?.turn.parts).toEqual([{ type: "text", text: "half of it, and the rest" }]));
    expect(thread.cell("a")?.turn.status).toBe("interrupted");
  });

  it("stops a reply that is only asked for, as soon as there is one", async () => {
    reads = [{ conversation: conversation(3, null), turns: [], runs: [] }];
    replies.watch = (): Watched => ({ runs: [], revision: 3 });
    let answer = (_: Started): void => {};
    replies.start = () => new Promise<Started>((resolve) => (answer = resolve));
    const thread = opened();
    await thread.open();
    const starting = thread.start({ key: "k", parent: null, parts: [], models: ["m"] });
    expect(thread.running).toBe(true);
    thread.stop();
    expect(sent).toEqual(["watch", "start"]);
    answer({ user: null, runs: [{ run: "r1", turn: turn("a", null, { run: "r1" }) }] });
    await starting;
    expect(sent).toEqual(["watch", "start", "stop"]);
    // The next one is not stopped, and can be from when it is told.
    const next = thread.start({ key: "l", parent: null, parts: [], models: ["m"] });
    answer({ user: null, runs: [{ run: "r2", turn: turn("b", null, { run: "r2" }) }] });
    await next;
    expect(sent).toEqual(["watch", "start", "stop", "start"]);
    expect(thread.running).toBe(true);
  });

  it("says that a reply was not stopped", async () => {
    reads = [{ conversation: conversation(3, "a"), turns: [turn("a", null, { run: "r1" })], runs: [run("r1", "a")] }];
    replies.watch = (): Watched => ({ runs: [], revision: 3 });
    replies.stop = () => {
      throw new Failure({ kind: "network", message: "the link is lost" });
    };
    const thread = opened();
    await thread.open();
    thread.stop();
    await vi.waitFor(() => expect(say.notes.map((note) => note.text)).toEqual(["Not stopped: the link is lost"]));
  });
});
