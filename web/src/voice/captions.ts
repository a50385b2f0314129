// What is being said, in the turns of the thread that are not whole yet.
import type { Thread } from "../state/thread.svelte";
import type { SessionEvent } from "./line";

type Words = SessionEvent & { type: "transcript" };
interface Said { by: Words["by"]; text: string; turn: string | null; over: boolean }

/** Items that are remembered: what comes late of one that is over belongs to no other turn. */
const MOST = 50;

export class Captions {
  #items = new Map<string, Said>();

  constructor(readonly thread: Thread) {
    thread.onrunning = () => this.show();
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
