// The list of conversations: pages of it, search, and what changes in other tabs.
import { call, get, newest, query, segment } from "../api/client";
import type { Conversation, Settings } from "../api/types";
import { say } from "./say.svelte";

interface Rows { rows: Conversation[]; next: string | null }

type Fields = Partial<Pick<Conversation, "title" | "pinned" | "model" | "head" | "settings">>;

const order = (a: Conversation, b: Conversation): number => Number(b.pinned) - Number(a.pinned) || b.order - a.order;

/** Whether what is to be changed was changed elsewhere since it was seen. */
function clash(fields: Fields, seen: Conversation, now: Conversation): boolean {
  const differs = (a: unknown, b: unknown): boolean => JSON.stringify(a ?? null) !== JSON.stringify(b ?? null);
  const settings = Object.keys(fields.settings ?? {}) as (keyof Settings)[];
  return (fields.title !== undefined && differs(seen.title, now.title)) || settings.some((key) => differs(seen.settings[key], now.settings[key]));
}

class Conversations {
  rows = $state.raw<Conversation[]>([]);
  /** What a search found; null when nothing is searched. */
  found = $state.raw<Conversation[] | null>(null);
  query = $state("");
  next = $state<string | null>(null);
  #search = 0;

  async load(): Promise<void> {
    const page = await get<Rows>("/conversations");
    this.rows = page.rows;
    this.next = page.next;
  }

  async more(): Promise<void> {
    if (this.next === null) return;
    const page = await get<Rows>(`/conversations${query({ before: this.next })}`);
    const known = new Set(this.rows.map((row) => row.id));
    this.rows = [...this.rows, ...page.rows.filter((row) => !known.has(row.id))];
    this.next = page.next;
  }

  async search(text: string): Promise<void> {
    this.query = text;
    const mine = ++this.#search;
    if (text.trim() === "") {
      this.found = null;
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 120));
    if (mine !== this.#search) return;
    const page = await get<Rows>(`/conversations${query({ query: text, limit: 50 })}`);
    if (mine === this.#search) this.found = page.rows;
  }

  put(conversation: Conversation): void {
    const { id } = conversation;
    const known = this.rows.find((row) => row.id === id);
    if (known && known.revision > conversation.revision) return;
    this.rows = [...this.rows.filter((row) => row.id !== id), conversation].sort(order);
    this.found = this.found?.map((row) => (row.id === id ? { ...conversation, match: row.match } : row)) ?? null;
  }

  drop(id: string): void {
    this.rows = this.rows.filter((row) => row.id !== id);
    this.found = this.found?.filter((row) => row.id !== id) ?? null;
  }

  create(model: string | null, given: Settings): Promise<Conversation> {
    return call("POST", "/conversations", { model, settings: given });
  }

  /**
   * Changes a conversation. `seen` is what the user saw when the edit began: where another tab changed the same since,
   * nothing is changed, and the failure holds the newest. What another tab changed beside it is in nobody's way.
   */
  async change(id: string, fields: Fields, seen?: Conversation): Promise<Conversation> {
    for (let revision = seen?.revision; ; ) {
      try {
        const changed = await call<Conversation>("PATCH", `/conversations/${segment(id)}`, { ...fields, revision });
        this.put(changed);
        return changed;
      } catch (thrown) {
        const now = newest<Conversation>(thrown);
        if (!now || !seen) throw thrown;
        this.put(now);
        if (clash(fields, seen, now)) throw thrown;
        revision = now.revision;
      }
    }
  }

  /** Takes one away that nobody misses. */
  async discard(id: string): Promise<void> {
    await call("DELETE", `/conversations/${segment(id)}`);
    this.drop(id);
  }

  async remove(row: Conversation): Promise<void> {
    await this.discard(row.id);
    const undo = async (): Promise<void> => {
      this.put(await call<Conversation>("POST", `/conversations/${segment(row.id)}/restore`));
    };
    say.note(`Deleted “${row.title ?? "New chat"}”`, { action: { name: "Undo", run: () => void undo().catch(() => say.note("Too late to undo", { bad: true })) }, ms: 10_000 });
  }
}

export const conversations = new Conversations();
