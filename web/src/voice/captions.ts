// What is being said, in the turns of the thread that are not whole yet.
import type { Thread } from "../state/thread.svelte";
import type { SessionEvent } from "./line";

type Words = SessionEvent & { type: "transcript" };
interface Said { by: Words["by"]; text: string; turn: string | null; over: boolean }

/** Items that are remembered: what comes late of one that is over belongs to no other turn. */
const MOST = 50;

export class Captions {
  #items = new Map<string, Said>();
  /** Turns that a session left unfinished. */
  #left = new Set<string>();

  constructor(readonly thread: Thread, readonly onturns: () => unknown = () => {}) {
    thread.onrunning = () => {
      this.show();
      this.onturns();
    };
  }

  /**
   * A session is open: the one of before, which writes on, or another one, which numbers what it says anew. Says whether
   * there are turns that were taken for cut and are not.
   */
  begin(resumed: boolean): boolean {
    if (!resumed) {
      this.#items.clear();
      return false;
    }
    for (const said of this.#items.values()) if (this.#left.has(said.turn ?? "")) said.over = false;
    const again = this.#left.size > 0;
    this.#left.clear();
    return again;
  }

  /** The session is over: what it left unfinished is cut, whatever is told of it late. Says whether it left anything. */
  end(): boolean {
    // What a run writes is its own.
    const left = this.thread.path.filter(({ turn }) => turn.status === "running" && !turn.run);
    for (const { turn } of left) this.#left.add(turn.id);
    this.show();
    return left.length > 0;
  }

  add({ item, by, mode, text }: Words): void {
    const key = `${by} ${item}`;
    const known = this.#items.get(key) ?? { by, text: "", turn: null, over: false };
    known.text = mode === "delta" ? known.text + text : text;
    this.#items.set(key, known);
    if (this.#items.size > MOST) this.#items.delete(this.#items.keys().next().value ?? "");
    this.show();
  }

  /** Each item in a running turn of its speaker, that of no other; what is over is stored whole. */
  show(): void {
    for (const cell of this.thread.path) {
      if (cell.turn.status === "running" && this.#left.has(cell.turn.id)) cell.turn = { ...cell.turn, status: "interrupted" };
    }
    for (const said of this.#items.values()) {
      if (said.over) continue;
      const cell = said.turn === null ? this.#free(said.by) : this.thread.cell(said.turn);
      if (!cell) continue;
      said.turn = cell.turn.id;
      if (cell.turn.status !== "running") said.over = true;
      else if (said.text !== "") cell.turn = { ...cell.turn, parts: [{ type: "text", text: said.text }] };
    }
  }

  #free(by: Words["by"]) {
    const taken = new Set([...this.#items.values()].map((said) => said.turn));
    return this.thread.path.find(({ turn }) => turn.role === by && turn.status === "running" && !taken.has(turn.id));
  }
}
