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
  /** What is to be sent, while this page lives. */
  file: File | null;
  owner: Draft;
}

/** What of a draft is on its way. */
export interface Sent { text: string; files: Set<number>; parts: Part[]; key: string }

interface Kept { text: string; files: Attachment[] }

const written = (name: string): Kept => kept<Kept>(`draft.${name}`, { text: "", files: [] });

export class Draft {
  text = $state("");
  files = $state<Upload[]>([]);
  /** Models of the next message only. */
  once = $state<string | null>(null);
  compare = $state<string[]>([]);
  /** Whether it is said aloud, in a live session, with a model that else answers in writing. */
  aloud = $state(false);
  error = $state.raw<ApiError | null>(null);
  sending = $state(false);
  /** The same message sent twice, because the answer was lost, is one message. */
  key: string = newKey();
  /** The conversation that was made for it, until something was said in it. */
  made = $state<string | null>(null);
  #next = 1;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(readonly name: string) {
    const before = written(name);
    this.text = before.text;
    this.files = this.#rows(before.files);
  }

  #rows(files: Attachment[]): Upload[] {
    return files.map((done) => this.#row(done.name, done.mime, done.bytes, done));
  }

  #row(name: string, mime: string, size: number, done: Attachment | null = null, file: File | null = null): Upload {
    return { key: this.#next++, name, mime, bytes: size, share: done ? 1 : 0, done, error: null, abort: new AbortController(), file, owner: this };
  }

  get empty(): boolean {
    return this.text.trim() === "" && this.files.length === 0;
  }

  get uploading(): boolean {
    return this.files.some((file) => file.done === null && file.error === null);
  }

  get full(): boolean {
    return this.files.length >= settings.now.limits.attachments;
  }

  /** Files that did not arrive: nothing is sent without them unless the user says so. */
  get failing(): boolean {
    return this.files.some((file) => file.error !== null);
  }

  write(text: string): void {
    this.text = text;
    this.key = newKey();
    clearTimeout(this.#timer);
    // Keeping a very long text takes time; typing must not wait for it.
    this.#timer = setTimeout(() => this.save(), text.length > 50_000 ? 1000 : 60);
  }

  /** Writes what waits to be written, and nothing else: another tab may have written since. */
  flush(): void {
    if (this.#timer !== undefined) this.save();
  }

  /** Another tab wrote the same draft. What this one is at work on stays. */
  adopt(written: Kept): void {
    if (this.#timer !== undefined || this.sending || this.files.some((file) => file.done === null)) return;
    this.text = written.text;
    this.files = this.#rows(written.files);
    this.key = newKey();
  }

  save(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const files = this.files.flatMap((file) => file.done ?? []);
    keep(`draft.${this.name}`, this.empty ? null : { text: this.text, files });
  }

  async add(file: File): Promise<void> {
    const { attachment_bytes: limit, attachments } = settings.now.limits;
    if (this.full) {
      this.error = { kind: "invalid_request", message: `At most ${attachments} files go with one message` };
      return;
    }
    const whole = file.size <= limit;
    const at = this.files.push(this.#row(file.name || "pasted", file.type || "application/octet-stream", file.size, null, whole ? file : null)) - 1;
    // With another file it is another message.
    this.key = newKey();
    const row = this.files[at];
    if (!row) return;
    if (whole) await this.send(row);
    else row.error = { kind: "invalid_request", message: `${bytes(file.size)} is more than the ${bytes(limit)} that a file may have` };
  }

  /** Sends a file to the server; also once more, where it did not arrive. */
  async send(row: Upload): Promise<void> {
    if (!row.file) return;
    row.error = null;
    try {
      row.done = await upload<Attachment>(`/attachments${query({ name: row.name })}`, row.file, (share) => (row.share = share), row.abort.signal);
      row.share = 1;
      row.owner.save();
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

  /** What is sent now. What is written while it is on its way is not in it. */
  sent(): Sent {
    return { text: this.text, files: new Set(this.files.map((file) => file.key)), parts: this.parts(), key: this.key };
  }

  /** What is written here goes on in the draft of a conversation. */
  move(conversation: string | null): void {
    draftOf(conversation).aloud = this.aloud;
    this.taken({ text: "", files: new Set() }, conversation);
  }

  /** The server has it: what was written meanwhile stays, in the draft of the conversation that it was written in. */
  taken(sent: Pick<Sent, "text" | "files">, conversation: string | null): void {
    const to = draftOf(conversation);
    const text = this.text.startsWith(sent.text) ? this.text.slice(sent.text.length).trimStart() : this.text;
    const files = this.files.filter((file) => !sent.files.has(file.key));
    const compare = this.compare;
    Object.assign(this, { text: "", files: [], once: null, compare: [], error: null, key: newKey(), made: null });
    this.save();
    // What stands in it already, of another tab perhaps, stays.
    if (to !== this && text === "" && files.length === 0 && compare.length === 0) return;
    for (const file of files) Object.assign(file, { owner: to, key: to.#next++ });
    Object.assign(to, {
      text: [to.text, text].filter((one) => one !== "").join("\n\n"), files: [...to.files, ...files],
      once: null, compare, error: null, key: newKey(), made: null,
    });
    to.save();
  }
}

/** `randomUUID` is missing on plain http from another machine. */
export function newKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

const drafts = new Map<string, Draft>();

addEventListener("storage", ({ key }) => {
  for (const [name, draft] of drafts) if (key === `consort.draft.${name}`) draft.adopt(written(name));
});

export function draftOf(conversation: string | null): Draft {
  const name = conversation ?? "new";
  let draft = drafts.get(name);
  if (!draft) drafts.set(name, (draft = new Draft(name)));
  return draft;
}
