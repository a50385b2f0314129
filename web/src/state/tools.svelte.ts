// The tools that a model may use, read when somebody first asks for them.
import { get } from "../api/client";
import type { ToolRow } from "../api/types";
import { distinct } from "../lib/distinct";

class Tools {
  rows = $state.raw<ToolRow[]>([]);
  #asked: Promise<void> | null = null;

  /** Reads the list anew; who asks meanwhile waits for the same answer. */
  load(): Promise<void> {
    this.#asked ??= get<{ rows: ToolRow[] }>("/tools")
      .then((list) => void (this.rows = distinct(list.rows, (row) => row.name)), () => {})
      .finally(() => (this.#asked = null));
    return this.#asked;
  }

  get(name: string): ToolRow | undefined {
    return this.rows.find((row) => row.name === name);
  }

  /** Finds out what a tool is, unless that is known. */
  learn(name: string): void {
    if (!this.get(name)) void this.load();
  }
}

export const tools = new Tools();
