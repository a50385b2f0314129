// What the user does in a conversation: send, retry, edit, continue, choose the model.
import { asError, newest } from "../api/client";
import type { ApiError, Conversation, Part, Settings, Turn } from "../api/types";
import { keep, kept } from "../lib/keep";
import { conversations } from "./conversations.svelte";
import { type Draft, draftOf, newKey } from "./draft.svelte";
import { models } from "./models.svelte";
import { pathOf, router } from "./route.svelte";
import { say } from "./say.svelte";
import { focusTurn } from "./ui.svelte";
import { session } from "./session.svelte";
import { settings } from "./settings.svelte";
import { Thread } from "./thread.svelte";

/** Whether the page shows the conversation that is not there yet. */
const isFresh = (): boolean => router.now.page === "chat" && router.conversation === null;

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

  async choose(id: string): Promise<void> {
    keep("model", id);
    this.#freshModel = id;
    this.draft.once = null;
    this.draft.compare = this.draft.compare.filter((other) => other !== id);
    const thread = session.thread;
    if (!thread?.conversation) return;
    thread.onconversation({ ...thread.conversation, model: id });
    await this.#told(conversations.change(thread.id, { model: id }).then((row) => thread.onconversation(row)));
  }

  /** Changes some settings. Gives the newest where another tab changed the same since `seen`, and changes nothing then. */
  async tune(fields: Settings, seen?: Conversation): Promise<Conversation | null> {
    const thread = session.thread;
    if (!thread?.conversation) {
      this.#freshSettings = { ...this.#freshSettings, ...fields };
      return null;
    }
    thread.onconversation({ ...thread.conversation, settings: { ...thread.conversation.settings, ...fields } });
    try {
      thread.onconversation(await conversations.change(thread.id, { settings: fields }, seen));
    } catch (thrown) {
      const now = newest<Conversation>(thrown);
      if (now) thread.onconversation(now);
      else this.failed(asError(thrown));
      return now;
    }
    return null;
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
      const thread = session.thread ?? (await this.#fresh());
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

  async #fresh(): Promise<Thread> {
    const made = await conversations.create(this.model, this.settings);
    conversations.put(made);
    const thread = new Thread(made.id, session.live);
    await thread.open();
    // Who went on to another conversation meanwhile stays there.
    if (isFresh()) session.adopt(thread);
    return thread;
  }

  #opened(thread: Thread): void {
    this.#freshSettings = {};
    if (isFresh()) return router.go(pathOf(thread.id), true);
    thread.close();
    say.note("Sent in a new chat", { action: { name: "Open", run: () => router.go(pathOf(thread.id)) } });
  }

  /** Another reply to the same question, by the same model or others. */
  retry(turn: Turn, by: string[] = [turn.model ?? this.model ?? ""]): Promise<void> {
    return this.#start({ parent: turn.parent, parts: null, models: by });
  }

  edit(turn: Turn, parts: Part[]): Promise<void> {
    return this.#start({ parent: turn.parent, parts, models: this.model ? [this.model] : [] });
  }

  goOn(turn: Turn): Promise<void> {
    return this.#start({ parent: turn.id, parts: null, models: [turn.model ?? this.model ?? ""], mode: "continue" });
  }

  async #start(ask: { parent: string | null; parts: Part[] | null; models: string[]; mode?: "continue" }): Promise<void> {
    const thread = session.thread;
    if (thread) await this.#told(thread.start({ ...ask, key: newKey() }).then(({ user, runs }) => focusTurn(user?.id ?? runs[0]?.turn?.id)));
  }

  async #told(work: Promise<unknown>): Promise<void> {
    await work.catch((thrown: unknown) => say.note(asError(thrown).message, { bad: true }));
  }

  failed(error: ApiError): void {
    say.note(error.message, { bad: true });
  }
}

export const chat = new Chat();
export type { Draft };
