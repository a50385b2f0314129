// The open conversation: its tree, its runs, and what is being written.
import { untrack } from "svelte";
import { asError, Failure, get, isUnreachable, query, segment } from "../api/client";
import type { Envelope, Start, Started, Watched } from "../api/events";
import type { Live } from "../api/live";
import type { ApiError, Conversation, ContextView, Opened, Part, Run, Settings, ToolWaiting, Turn } from "../api/types";
import { Cell } from "./cell.svelte";
import { conversations } from "./conversations.svelte";
import { fold, writing, type Writing } from "./fold";
import { narrate } from "./narrate";
import { say } from "./say.svelte";
import { Starts } from "./starts.svelte";
import { branch, byParent, leaf } from "./tree";

/** Between two writes to the page: a little less than three frames, so that the third one is not missed. */
const SEEN_MS = 45;
const UNSEEN_MS = 500;

interface RunView { id: string; turn: string; last: number; waiting: ToolWaiting[] }

export interface Ask {
  parent: string | null;
  parts: Part[] | null;
  models: string[];
  key: string;
  settings?: Settings;
}

export class Thread {
  conversation = $state.raw<Conversation | null>(null);
  failure = $state.raw<Failure | null>(null);
  loading = $state(true);
  context = $state.raw<ContextView | null>(null);
  runs = $state.raw<RunView[]>([]);
  onrunning: (() => void) | null = null; // told when turns came: a live session writes into them too
  #cells = new Map<string, Cell>();
  #shape = $state(0);
  #writings = new Map<string, Writing>();
  #dirty = new Set<string>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #flushed = 0;
  #seen = true;
  #watching = false;
  /** What the server said last, before what the page shows ahead of its answer. */
  #said: Conversation | null = null;
  /** How much of the conversation was read. */
  #read = 0;

  /** The turns of the shown branch. */
  path = $derived.by(() => this.#path(this.conversation?.head ?? null));
  siblings = $derived.by(() => (void this.#shape, byParent(this.#turns())));
  #starts: Starts;
  running = $derived.by(() => this.runs.length > 0 || this.#starts.waiting);

  constructor(readonly id: string, readonly live: Live) { this.#starts = new Starts(live); }

  #turns(): Map<string, Turn> {
    // The shape of the tree never changes by what is written into a turn.
    return untrack(() => new Map([...this.#cells].map(([id, cell]) => [id, cell.turn])));
  }

  #path(head: string | null): Cell[] {
    void this.#shape;
    return branch(this.#turns(), head).flatMap((turn) => this.#cells.get(turn.id) ?? []);
  }

  cell(id: string): Cell | undefined { return this.#cells.get(id); }

  /** Reads the conversation and watches it. Also after the connection was lost. */
  async open(): Promise<void> {
    try {
      const opened = await get<Opened>(`/conversations/${segment(this.id)}`);
      this.conversation = this.#said = opened.conversation;
      this.#read = opened.conversation.revision;
      const running = new Set(opened.runs.map((run) => run.id));
      for (const turn of opened.turns) this.onturn(turn);
      this.runs = this.runs.filter((run) => running.has(run.id));
      for (const run of opened.runs) this.#know(run);
      this.failure = null;
      await this.#watch();
    } catch (error) {
      if (error instanceof Failure) this.failure = error;
      else throw error;
    } finally {
      this.loading = false;
    }
  }

  close(): void {
    void this.live.send("unwatch", { conversation: this.id }).catch(() => {});
  }

  async #watch(): Promise<void> {
    if (this.#watching) return;
    this.#watching = true;
    try {
      const seen = Object.fromEntries(this.runs.map((run) => [run.id, run.last]));
      const watched = await this.live.send<Watched>("watch", { conversation: this.id, runs: seen });
      for (const run of watched.runs) this.#know(run);
      const over = new Set(watched.gone ?? []);
      this.runs = this.runs.filter((run) => !over.has(run.id));
      for (const [id, { turn }] of this.#writings) if (over.has(turn.run ?? "")) this.#writings.delete(id);
      // What came between the reading and the watching was told to nobody here.
      if (over.size > 0 || watched.revision > this.#read) queueMicrotask(() => void this.open());
    } catch (thrown) {
      // The connection is lost: the session opens the conversation again when it is back.
      if (!isUnreachable(thrown)) say.note(asError(thrown).message, { bad: true });
    } finally {
      this.#watching = false;
    }
  }

  #know(run: Pick<Run, "id" | "turn" | "waiting">): RunView {
    const known = this.runs.find((one) => one.id === run.id);
    if (known) return known;
    const view = { id: run.id, turn: run.turn, last: 0, waiting: run.waiting };
    this.runs = [...this.runs, view];
    return view;
  }

  /** Messages of the socket about this conversation. */
  onevent(envelope: Envelope): void {
    let run = this.runs.find((one) => one.id === envelope.run);
    if (!run) {
      if (envelope.event.type === "run_ended") return;
      run = { id: envelope.run, turn: envelope.turn, last: 0, waiting: [] };
      this.runs = [...this.runs, run];
    }
    if (envelope.sequence_number <= run.last) return;
    if (envelope.sequence_number > run.last + 1) return void this.#watch();
    run.last = envelope.sequence_number;
    this.#take(run, envelope);
    narrate(envelope, this.#cells.get(envelope.turn)?.turn);
  }

  #take(run: RunView, { turn: id, event, at }: Envelope): void {
    switch (event.type) {
      case "turn_started":
        this.#writings.set(event.turn.id, writing({ ...event.turn, parts: [] }));
        this.#put(event.turn);
        // The branch that is shown goes on with what is written behind its end.
        if (this.conversation && this.conversation.head === event.turn.parent) {
          this.conversation = { ...this.conversation, head: event.turn.id };
        }
        return this.#change(run, { turn: event.turn.id });
      case "turn_ended":
        this.#writings.delete(event.turn.id);
        return this.#put(event.turn);
      case "run_ended":
        this.runs = this.runs.filter((one) => one.id !== run.id);
        if (event.error) this.#blame(run.turn, event.error);
        return;
      case "tool_waiting":
        return this.#change(run, { waiting: [...run.waiting, event.call] });
      case "tool_decided":
      case "tool_started":
      case "tool_finished":
        return this.#change(run, { waiting: run.waiting.filter((call) => call.call_id !== event.call_id) });
    }
    const cell = this.#cells.get(id);
    // What is over is whole: nothing that comes late changes it.
    if (!cell || cell.turn.status !== "running") return;
    let state = this.#writings.get(id);
    if (!state) this.#writings.set(id, (state = writing({ ...cell.turn, parts: [] })));
    if (fold(state, event, at)) this.#later(id);
  }

  /** An error that no turn tells is told by the last one. */
  #blame(id: string, error: ApiError): void {
    const cell = this.#cells.get(id);
    if (cell && !cell.turn.error) cell.turn = { ...cell.turn, status: cell.turn.status === "complete" ? "interrupted" : cell.turn.status, error };
  }

  #change(run: RunView, fields: Partial<RunView>): void {
    Object.assign(run, fields);
    this.runs = [...this.runs];
  }

  /** Twenty writes to the page a second: more are work that no reader sees. Two where nobody looks. */
  #later(id: string): void {
    this.#dirty.add(id);
    this.#timer ??= setTimeout(() => this.#draw(), Math.max(0, this.#flushed + (this.#seen && !document.hidden ? SEEN_MS : UNSEEN_MS) - performance.now()));
  }

  /** Hidden tabs draw no frames. */
  #draw(): void {
    if (document.hidden) this.#flush();
    else requestAnimationFrame(() => this.#flush());
  }

  /** Whether the end of what is written is in sight. */
  see(seen: boolean): void {
    if (this.#seen === seen) return;
    this.#seen = seen;
    if (!seen || this.#dirty.size === 0) return;
    clearTimeout(this.#timer);
    this.#draw();
  }

  #flush(): void {
    this.#timer = undefined;
    this.#flushed = performance.now();
    for (const id of this.#dirty) {
      const cell = this.#cells.get(id);
      const state = this.#writings.get(id);
      if (cell && state) cell.turn = { ...state.turn, parts: [...state.turn.parts] };
    }
    this.#dirty.clear();
  }

  #put(turn: Turn): void {
    const cell = this.#cells.get(turn.id);
    if (cell) cell.turn = turn;
    else this.#cells.set(turn.id, new Cell(turn));
    if (!cell) this.#shape += 1;
  }

  onturn(turn: Turn): void {
    // What is stored of a running turn is older than what its events made; what is stored of one that is over is all.
    if (turn.status === "running" && this.#writings.has(turn.id)) return;
    this.#writings.delete(turn.id);
    this.#put(turn);
    this.onrunning?.();
  }

  onconversation(conversation: Conversation): void {
    if (conversation.revision >= (this.conversation?.revision ?? 0)) this.conversation = this.#said = conversation;
    this.onrunning?.();
  }

  /** Shows what was asked for before the server has it. */
  foresee(fields: Partial<Conversation>): void {
    if (this.conversation) this.conversation = { ...this.conversation, ...fields };
  }

  /** What was foreseen did not come: shows what is stored. */
  recall(): void {
    if (this.#said) this.foresee({ model: this.#said.model, settings: this.#said.settings });
  }

  onbehind(): void { void this.open(); }

  async start(ask: Ask): Promise<Started> {
    const command: Start = {
      conversation: this.id, key: ask.key, parent: ask.parent, user: ask.parts ? { parts: ask.parts } : null,
      models: ask.models, settings: ask.settings,
    };
    const started = await this.#starts.ask(command);
    // Events may come before the reply: what is known of a turn then is newer.
    const turns = [started.user, ...started.runs.map((run) => run.turn)];
    for (const turn of turns) if (turn && !this.#cells.has(turn.id)) this.onturn(turn);
    const begun = started.runs.filter(({ turn }) => turn && this.#cells.get(turn.id)?.turn.status === "running");
    for (const { run, turn } of begun) if (run && turn) this.#know({ id: run, turn: turn.id, waiting: [] });
    const head = started.runs[0]?.turn?.id ?? started.user?.id;
    if (head && this.conversation) this.conversation = { ...this.conversation, head };
    // A run that ended before its first turn has no place in the thread: it is told beside it.
    for (const { turn, error } of started.runs) if (!turn && error) say.note(error.message, { bad: true, ms: 30_000 });
    return started;
  }

  /** Stops what is being written, and what was only asked for. */
  stop(): void {
    this.#starts.stop();
    for (const run of this.runs) this.#starts.halt(run.id);
  }

  waiting(callId: string): { run: string; call: ToolWaiting } | null {
    for (const run of this.runs) {
      const call = run.waiting.find((one) => one.call_id === callId);
      if (call) return { run: run.id, call };
    }
    return null;
  }

  decide(run: string, callId: string, decision: "once" | "always" | "deny", reason?: string): Promise<void> {
    return this.live.send("decide", { run, call_id: callId, decision, reason });
  }

  /** Shows another branch: the last one that goes through the turn. */
  async show(turn: string, stay = false): Promise<void> {
    const head = stay ? turn : leaf(this.#turns(), turn);
    const before = this.conversation?.head ?? null;
    this.foresee({ head });
    try {
      this.onconversation(await conversations.change(this.id, { head }));
    } catch (thrown) {
      if (this.conversation?.head === head) this.foresee({ head: before });
      throw thrown;
    }
  }

  async look(model: string | null): Promise<void> {
    const parent = this.conversation?.head ?? null;
    const found = await get<ContextView>(`/conversations/${segment(this.id)}/context${query({ model, parent })}`).catch(() => null);
    if (parent === (this.conversation?.head ?? null)) this.context = found;
  }
}
