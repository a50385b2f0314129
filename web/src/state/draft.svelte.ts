// What is about to be sent, one per conversation. Its text and its finished uploads survive anything.
import { asError, query, upload } from "../api/client";
import type { ApiError, Attachment, Part } from "../api/types";
import { bytes } from "../lib/format";
import { keep, kept } from "../lib/keep";
import { settings } from "./settings.svelte";

export interface Upload {
  key: number;
  name: string;
  mime: string;
  bytes: number;
  share: number;
  done: Attachment | null;
  error: ApiError | null;
  abort: AbortController;
}

interface Kept { text: string; files: Attachment[] }

export class Draft {
  text = $state("");
  files = $state<Upload[]>([]);
  /** Models of the next message only. */
  once = $state<string | null>(null);
  compare = $state<string[]>([]);
  error = $state.raw<ApiError | null>(null);
  sending = $state(false);
  /** The same message sent twice, because the answer was lost, is one message. */
  key: string = newKey();
  #next = 1;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(readonly name: string) {
    const before = kept<Kept>(`draft.${name}`, { text: "", files: [] });
    this.text = before.text;
    this.files = before.files.map((done) => this.#row(done.name, done.mime, done.bytes, done));
  }

  #row(name: string, mime: string, size: number, done: Attachment | null = null): Upload {
    return { key: this.#next++, name, mime, bytes: size, share: done ? 1 : 0, done, error: null, abort: new AbortController() };
  }

  get empty(): boolean {
    return this.text.trim() === "" && this.files.length === 0;
  }

  get uploading(): boolean {
    return this.files.some((file) => file.done === null && file.error === null);
  }

  write(text: string): void {
    this.text = text;
    this.key = newKey();
    clearTimeout(this.#timer);
    // Keeping a very long text takes time; typing must not wait for it.
    this.#timer = setTimeout(() => this.save(), text.length > 50_000 ? 1000 : 60);
  }

  save(): void {
    clearTimeout(this.#timer);
    const files = this.files.flatMap((file) => file.done ?? []);
    keep(`draft.${this.name}`, this.empty ? null : { text: this.text, files });
  }

  async add(file: File): Promise<void> {
    const { attachment_bytes: limit, attachments } = settings.now.limits;
    if (this.files.length >= attachments) {
      this.error = { kind: "invalid_request", message: `At most ${attachments} files go with one message` };
      return;
    }
    const at = this.files.push(this.#row(file.name || "pasted", file.type || "application/octet-stream", file.size)) - 1;
    const row = this.files[at];
    if (!row) return;
    if (file.size > limit) {
      row.error = { kind: "invalid_request", message: `${bytes(file.size)} is more than the ${bytes(limit)} that a file may have` };
      return;
    }
    try {
      row.done = await upload<Attachment>(`/attachments${query({ name: row.name })}`, file, (share) => (row.share = share), row.abort.signal);
      row.share = 1;
      this.save();
    } catch (thrown) {
      row.error = asError(thrown);
    }
  }

  drop(key: number): void {
    this.files.find((file) => file.key === key)?.abort.abort();
    this.files = this.files.filter((file) => file.key !== key);
    this.key = newKey();
    this.save();
  }

  parts(): Part[] {
    const media = this.files.flatMap(({ done }): Part[] =>
      done ? [{ type: "media", source: { file: { wire: "consort", id: done.id } }, mime: done.mime, name: done.name }] : []);
    return this.text.trim() === "" ? media : [...media, { type: "text", text: this.text }];
  }

  clear(): void {
    this.text = "";
    this.files = [];
    this.once = null;
    this.error = null;
    this.key = newKey();
    this.save();
  }
}

/** `randomUUID` is missing on plain http from another machine. */
export function newKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

const drafts = new Map<string, Draft>();

export function draftOf(conversation: string | null): Draft {
  const name = conversation ?? "new";
  let draft = drafts.get(name);
  if (!draft) drafts.set(name, (draft = new Draft(name)));
  return draft;
}
