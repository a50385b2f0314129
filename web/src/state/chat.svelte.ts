// What the user does in a conversation: send, retry, edit, continue, choose the model.
import { asError, newest } from "../api/client";
import type { ApiError, Conversation, Part, Settings, Turn } from "../api/types";
import { keep, kept } from "../lib/keep";
import { isReady } from "../lib/models";
import { conversations } from "./conversations.svelte";
import { type Draft, draftOf, newKey } from "./draft.svelte";
import { models } from "./models.svelte";
import { pathOf, router } from "./route.svelte";
import { say } from "./say.svelte";
import { focusTurn, ui } from "./ui.svelte";
import { session } from "./session.svelte";
import { settings } from "./settings.svelte";
import { type Ask, Thread } from "./thread.svelte";

/** Whether the page shows the conversation that is not there yet. */
const isFresh = (): boolean => router.now.page === "chat" && router.conversation === null;

/** Whether the settings are changed; and if not because of another tab, what they are now. */
type Tuned = { done: true } | { done: false; now: Conversation | null };

class Chat {
  /** The model and settings of the conversation that is not there yet. */
  #freshModel = $state<string | null>(kept<string | null>("model", null));
  #freshSettings = $state.raw<Settings>({});

  model = $derived(session.thread?.conversation ? session.thread.conversation.model : models.usual(this.#freshModel ?? settings.now.default_model));
  draft = $derived(draftOf(router.conversation));
  settings = $derived<Settings>(session.thread?.conversation?.settings ?? { system: settings.now.system, ...this.#freshSettings });
  row = $derived(models.get(this.model));
  /** What the next message goes to. */
  targets = $derived(this.draft.once ? [this.draft.once] : [this.model, ...this.draft.compare].filter((id): id is string => id !== null));

  /** The conversation that is being made. */
  #coming: Promise<Thread> | null = null;

  /** Whether one model alone is asked, as who talks does. */
  #alone = $derived(this.model !== null && this.draft.once === null && this.draft.compare.length === 0);
  /** Whether the model is always talked with. */
  #speaks = $derived(this.row?.card?.kind === "realtime");

  /** Whether the conversation is in voice mode: what is written is said in a live session. */
  live = $derived(this.#alone && (this.#speaks || this.draft.aloud));
  /** Whether voice mode is there to be chosen, or to be left. */
  mayTalk = $derived(this.#alone && !this.#speaks);

  async choose(id: string): Promise<void> {
    keep("model", id);
    this.#freshModel = id;
    this.draft.once = null;
    this.draft.aloud = false;
    this.draft.compare = this.draft.compare.filter((other) => other !== id);
    const thread = session.thread;
    if (!thread?.conversation) return;
    thread.foresee({ model: id });
    if (!(await this.#told(conversations.change(thread.id, { model: id }).then((row) => thread.onconversation(row))))) thread.recall();
  }

  /** Changes some settings. Where another tab changed the same since `seen`, nothing is changed, and the newest is given. */
  async tune(fields: Settings, seen?: Conversation, thread = session.thread): Promise<Tuned> {
    if (!thread) {
      this.#freshSettings = { ...this.#freshSettings, ...fields };
      return { done: true };
    }
    thread.foresee({ settings: { ...thread.conversation?.settings, ...fields } });
    try {
      thread.onconversation(await conversations.change(thread.id, { settings: fields }, seen));
      return { done: true };
    } catch (thrown) {
      const now = newest<Conversation>(thrown);
      thread.recall();
      if (now) thread.onconversation(now);
      else this.failed(asError(thrown));
      return { done: false, now };
    }
  }

  /** Sends the draft. It is cleared only when the server has it. */
  async send(): Promise<boolean> {
    const draft = this.draft;
    const models = this.targets;
    if (draft.empty || draft.sending || draft.uploading || draft.failing || models.length === 0) return false;
    draft.sending = true;
    draft.error = null;
    const sent = draft.sent();
    try {
      const thread = session.thread ?? (await this.#fresh(draft));
      const parent = thread.conversation?.head ?? null;
      await thread.start({ parent, parts: sent.parts, models, key: sent.key });
      draft.taken(sent, thread.id);
      if (draft.name === "new") this.#opened(thread);
      return true;
    } catch (thrown) {
      draft.error = asError(thrown);
      say.loudly(`Not sent: ${draft.error.message}`);
      return false;
    } finally {
      draft.sending = false;
    }
  }

  /** The conversation that is open, or one that is made for what will be said. */
  here(): Promise<Thread> {
    if (session.thread) return Promise.resolve(session.thread);
    this.#coming ??= this.#fresh(this.draft).finally(() => (this.#coming = null));
    return this.#coming;
  }

  /** Whether this one was made for what will be said. */
  isMade(thread: Thread): boolean {
    return draftOf(null).made === thread.id;
  }

  /** Something was said in this one: it is there to stay, if it was not before. */
  stays(thread: Thread): void {
    if (!this.isMade(thread)) return;
    const draft = draftOf(null);
    draft.made = null;
    // What is being said is taken from the draft when it was said.
    if (draft.sending) draftOf(thread.id).aloud = draft.aloud;
    else draft.move(thread.id);
    this.#opened(thread);
  }

  /** Nothing was said in this one: if it was made for that, it is taken away. */
  leave(thread: Thread): void {
    if (!this.isMade(thread)) return;
    draftOf(null).made = null;
    this.#freshSettings = thread.conversation?.settings ?? {};
    if (isFresh()) session.open(null);
    void conversations.discard(thread.id).catch(() => {});
  }

  /** Voice mode, on or off, where the model is not always talked with. */
  aloud(on: boolean): void {
    if (on && !isReady(this.row)) ui.openPicker();
    else this.draft.aloud = on && this.mayTalk;
  }

  /** Says the draft in a live session. It is cleared once it was said. */
  async talk(): Promise<boolean> {
    const draft = this.draft;
    if (draft.empty || draft.sending) return false;
    const sent = draft.sent();
    if (sent.files.size > 0) {
      draft.error = { kind: "unsupported", message: "A live session takes no files", hints: [draft.aloud ? "end it to send them" : "ask another model", "a model that looks is shown pictures by the camera or the screen, below More"] };
      return false;
    }
    draft.sending = true;
    draft.error = null;
    try {
      const { voice } = await import("../voice/voice.svelte");
      draft.taken(sent, (await voice.say(sent.text)).id);
      return true;
    } catch (thrown) {
      const error = asError(thrown);
      // The bar of the session tells of it already.
      const { voice } = await import("../voice/voice.svelte");
      draft.error = voice.error?.message === error.message ? null : error;
      return false;
    } finally {
      draft.sending = false;
    }
  }

  async #fresh(draft: Draft): Promise<Thread> {
    const thread = (await this.#begun(draft)) ?? (await this.#opening(await this.#made(draft)));
    // Who went on to another conversation meanwhile stays there.
    if (isFresh()) session.adopt(thread);
    return thread;
  }

  /** The conversation that an earlier try of the same message made, if it is still there. */
  async #begun(draft: Draft): Promise<Thread | null> {
    if (draft.made === null) return null;
    const thread = await this.#opening(draft.made);
    return thread.failure?.status === 404 ? null : thread;
  }

  async #opening(id: string): Promise<Thread> {
    const thread = new Thread(id, session.live);
    await thread.open();
    return thread;
  }

  async #made(draft: Draft): Promise<string> {
    const made = await conversations.create(this.model, this.settings);
    conversations.put(made);
    return (draft.made = made.id);
  }

  #opened(thread: Thread): void {
    this.#freshSettings = {};
    if (isFresh()) return router.go(pathOf(thread.id), true);
    // Who went to another page, or to this conversation already, still needs what it is told.
    if (session.thread?.id !== thread.id) thread.close();
    else if (router.conversation === thread.id) return;
    say.note("Sent in a new chat", { action: { name: "Open", run: () => router.go(pathOf(thread.id)) } });
  }

  /** Another reply to the same question, by the same model or others. */
  retry(turn: Turn, by: string[] = [turn.model ?? this.model ?? ""]): Promise<boolean> {
    return this.#start({ parent: turn.parent, parts: null, models: by });
  }

  /** Asks again in other words. Whoever tries the same words again gives the same key. */
  edit(turn: Turn, parts: Part[], key: string): Promise<boolean> {
    return this.#start({ parent: turn.parent, parts, models: this.model ? [this.model] : [], key });
  }

  /** A run below a reply goes on with it. */
  goOn(turn: Turn): Promise<boolean> {
    return this.#start({ parent: turn.id, parts: null, models: [turn.model ?? this.model ?? ""] });
  }

  async #start({ key = newKey(), ...ask }: Omit<Ask, "key"> & { key?: string }): Promise<boolean> {
    const thread = session.thread;
    if (!thread) return false;
    return this.#told(thread.start({ ...ask, key }).then(({ user, runs }) => focusTurn(user?.id ?? runs[0]?.turn?.id)));
  }

  /** Says what went wrong, and whether nothing did. */
  #told(work: Promise<unknown>): Promise<boolean> {
    return work.then(() => true, (thrown: unknown) => {
      this.failed(asError(thrown));
      return false;
    });
  }

  failed(error: ApiError): void {
    say.note(error.message, { bad: true });
  }
}

export const chat = new Chat();
export type { Draft };
