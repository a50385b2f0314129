// One tab: its socket, the open conversation, and the stores that messages go to.
import { asError, Failure } from "../api/client";
import type { ServerMessage } from "../api/events";
import { Live, type LiveState } from "../api/live";
import type { ApiError } from "../api/types";
import { conversations } from "./conversations.svelte";
import { draftOf } from "./draft.svelte";
import { models } from "./models.svelte";
import { router } from "./route.svelte";
import { say } from "./say.svelte";
import { settings } from "./settings.svelte";
import { Thread } from "./thread.svelte";

class Session {
  link = $state<LiveState>("connecting");
  thread = $state.raw<Thread | null>(null);
  /** Why the page cannot be used: most of all a missing token. */
  refused = $state.raw<ApiError | null>(null);
  live = new Live(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/api/live`);

  constructor() {
    this.live.onmessage = (message) => this.#receive(message);
    this.live.onstate = (state) => {
      if (state === "open" && this.link === "lost") say.quietly("Connected again");
      this.link = state;
    };
  }

  async begin(): Promise<void> {
    if (await this.#lists()) this.live.connect();
  }

  async #lists(): Promise<boolean> {
    try {
      await Promise.all([models.load(), conversations.load(), settings.load()]);
      this.refused = null;
      return true;
    } catch (thrown) {
      const error = asError(thrown);
      if (thrown instanceof Failure && (thrown.status === 401 || thrown.status === 403)) {
        this.refused = error;
        return false;
      }
      // The socket's own retries find the server again.
      return true;
    }
  }

  open(conversation: string | null): void {
    if (this.thread?.id === conversation) return;
    this.thread?.close();
    this.thread = conversation === null ? null : new Thread(conversation, this.live);
    void this.thread?.open();
  }

  /** Takes a thread that was opened before its address was shown. */
  adopt(thread: Thread): void {
    if (this.thread?.id === thread.id) return;
    this.thread?.close();
    this.thread = thread;
  }

  #receive(message: ServerMessage): void {
    const thread = this.thread;
    switch (message.type) {
      case "hello":
        return this.#hello();
      case "event":
        return message.conversation === thread?.id ? thread.onevent(message) : undefined;
      case "events":
        return message.events.forEach((event) => this.#receive(event));
      case "turn":
        return message.turn.conversation === thread?.id ? thread.onturn(message.turn) : undefined;
      case "conversation":
        conversations.put(message.conversation);
        return message.conversation.id === thread?.id ? thread.onconversation(message.conversation) : undefined;
      case "conversation_removed":
        conversations.drop(message.conversation);
        return message.conversation === thread?.id ? this.#emptied(thread) : undefined;
      case "models":
        return void models.apply(message).catch(() => {});
      case "settings":
        settings.now = message.settings;
        return;
      case "behind":
        // Without a conversation: what all tabs are told was missed.
        if (message.conversation === null) return void this.#lists();
        return message.conversation === thread?.id ? thread.onbehind() : undefined;
      default:
    }
  }

  /** A talk in which nothing was understood leaves no conversation: what was written there goes on in the next one. */
  #emptied(thread: Thread): void {
    if (thread.path.length > 0 || router.conversation !== thread.id) return;
    draftOf(thread.id).move(null);
    router.go("/", true);
  }

  /** From now on changes are heard: those of before are read. */
  #hello(): void {
    void this.#lists();
    void this.thread?.open();
  }
}

export const session = new Session();
