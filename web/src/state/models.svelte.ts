// The rows of the dropdown, kept up to date while it is open.
import { call, get, segment } from "../api/client";
import type { ServerMessage } from "../api/events";
import type { ModelList, ModelRow } from "../api/types";
import { distinct } from "../lib/distinct";
import { isReady } from "../lib/models";
import { say } from "./say.svelte";

/** Rows that one name would stand for twice cannot be told apart: the first stands. */
const once = (rows: ModelRow[]): ModelRow[] => distinct(rows, (row) => row.id);

class Models {
  rows = $state.raw<ModelRow[]>([]);
  loaded = $state(false);
  fallback = $state<string | null>(null);
  #revision = 0;
  #byId = $derived(new Map(this.rows.map((row) => [row.id, row])));

  get(id: string | null | undefined): ModelRow | undefined {
    return id ? this.#byId.get(id) : undefined;
  }

  /** The model of a new conversation: what was asked for, if it can be used, else the default, else any that is ready. */
  usual(asked: string | null): string | null {
    if (asked && this.get(asked)) return asked;
    if (isReady(this.get(this.fallback))) return this.fallback;
    const sure = (row: ModelRow): boolean => isReady(row) && row.state.state === "ready";
    return (this.rows.find(sure) ?? this.rows.find(isReady) ?? this.rows[0])?.id ?? null;
  }

  async load(): Promise<void> {
    const before = this.#revision;
    const list = await get<ModelList>("/models");
    // What the socket told meanwhile is newer than this answer.
    if (this.#revision !== before && list.revision < this.#revision) return;
    this.rows = once(list.rows);
    this.fallback = list.default;
    this.#revision = list.revision;
    this.loaded = true;
  }

  async apply(change: ServerMessage & { type: "models" }): Promise<void> {
    if (change.whole) {
      if (change.revision < this.#revision) return;
      const there = new Set(change.rows.map((row) => row.id));
      const removed = this.rows.filter((row) => !there.has(row.id)).map((row) => row.id);
      if (this.loaded) this.#tell(change.rows, removed);
      this.#revision = change.revision;
      this.fallback = change.default;
      this.rows = once(change.rows);
      return;
    }
    if (change.revision <= this.#revision) return;
    if (change.revision !== this.#revision + 1) return this.load();
    this.#revision = change.revision;
    this.fallback = change.default;
    const removed = new Set(change.removed);
    const fresh = new Map(change.rows.map((row) => [row.id, row]));
    this.#tell(change.rows, change.removed);
    const stay = this.rows.filter((row) => !removed.has(row.id)).map((row) => {
      const next = fresh.get(row.id);
      fresh.delete(row.id);
      return next ?? row;
    });
    this.rows = [...stay, ...fresh.values()];
  }

  #tell(rows: ModelRow[], removed: string[]): void {
    for (const row of rows) {
      const before = this.get(row.id)?.state.state;
      if (before === row.state.state) continue;
      if (row.state.state === "broken") say.quietly(`${row.name} did not load: ${row.state.reason}`);
      else if (row.state.state === "ready") say.quietly(`${row.name} loaded`);
      else if (row.state.state === "missing") say.quietly(`${row.name} is gone`);
    }
    for (const id of removed) say.quietly(`${this.get(id)?.name ?? id} was removed`);
  }

  /** Finds out what is known of one row: a plugin that never ran is looked at. */
  async learn(id: string): Promise<void> {
    const row = await get<ModelRow>(`/models/${segment(id)}`);
    this.rows = this.rows.map((old) => (old.id === row.id ? row : old));
  }

  reload = (plugin: string): Promise<void> => call("POST", `/plugins/${segment(plugin)}/reload`);
  trust = (plugin: string): Promise<void> => call("POST", `/plugins/${segment(plugin)}/trust`);

  setKey(name: string, value: string, plugin?: string): Promise<void> {
    return call("PUT", `/keys/${segment(name)}`, { value, plugin });
  }
}

export const models = new Models();
