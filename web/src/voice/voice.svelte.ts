// A live session of the page: its microphone, its speaker, its socket, and what is known of it.
import type { ApiError } from "../api/types";
import { chat } from "../state/chat.svelte";
import { say as aloud } from "../state/say.svelte";
import { session } from "../state/session.svelte";
import type { Thread } from "../state/thread.svelte";
import { Answer } from "./answer.svelte";
import { Asks } from "./asks.svelte";
import { Captions } from "./captions";
import { devices } from "./devices.svelte";
import { Ear } from "./ear.svelte";
import { Floor } from "./floor.svelte";
import { Gate } from "./gate";
import { type SessionEvent, TAB, type VoiceMessage } from "./line";
import { Link } from "./link";
import type { Kind } from "./pictures";
import { Playback } from "./playback";
import { Shown } from "./shown.svelte";
import { GONE, inWords, NoSound, OVER } from "./sound";

type State = "off" | "opening" | "on" | "lost";

/** What a session left unfinished is stored by then. */
const STORED_MS = 1500;

class Voice {
  state = $state<State>("off");
  ear: Ear = new Ear(
    (sound) => this.floor.meant && this.#link?.sound(sound),
    (chosen) => this.#deaf(chosen),
  );
  floor: Floor = new Floor(this.ear, {
    commit: () => this.#ask({ type: "commit" }),
    push: (on) => this.#link?.send({ type: "push", on }),
  });
  /** Whether the user is speaking. */
  user = $state(false);
  answer = new Answer();
  sees = $state(false);
  shown = new Shown((bytes) => this.#link?.send({ type: "frame", media: { source: { bytes }, mime: "image/jpeg" } }));
  asks = new Asks((call_id, decision) => this.#link?.send({ type: "decide", call_id, decision }));
  error = $state.raw<ApiError | null>(null);
  taken = $state(false);
  model = $state("");
  thread = $state.raw<Thread | null>(null);

  #link: Link | null = null;
  #speaker: Playback | null = null;
  #captions: Captions | null = null;
  #rate = 24_000;
  #gate = new Gate();
  /** What was begun before is over when another thing is. */
  #turn = 0;

  constructor() {
    devices.onchange = () => void this.#speaker?.place(true);
  }

  /** Opens a session where there is none, and then the microphone: who is refused is not asked for one. */
  async talk(takeOver = false): Promise<void> {
    this.error = null;
    this.floor.muted = false;
    try {
      if (takeOver || this.state === "off") await this.#open(takeOver);
      // Who went elsewhere meanwhile talks no more.
      if (this.state === "on") await this.#listen();
    } catch (thrown) {
      this.#failed(thrown);
    }
    await this.#speaker?.place(true);
  }

  /** Says this in words, in a session that is opened for it where there is none. */
  async say(text: string): Promise<Thread> {
    const here = await chat.here();
    // What is said while it opens, or is on its way back, is said then.
    if (this.state === "opening" || this.state === "lost") {
      await this.#gate.passed();
      if (this.#isOff()) throw new NoSound(this.error ?? OVER);
    }
    if (this.#isOff() || this.thread !== here) await this.#open().catch((thrown: unknown) => { throw this.#failed(thrown); });
    if (!this.thread || !this.#ask({ type: "say", text })) throw new NoSound(this.error ?? OVER);
    void this.#speaker?.place(true);
    return this.thread;
  }

  /** Whether what wants an answer is on its way. */
  #ask(message: object): boolean {
    if (!this.#link?.send(message)) return false;
    this.answer.ask();
    this.#said();
    return true;
  }

  /** Something was said: the conversation is there to stay. */
  #said(): void {
    if (this.thread) chat.stays(this.thread);
  }

  async #listen(): Promise<void> {
    if (!(await this.floor.listen())) return;
    if (this.ear.instead) aloud.note("The chosen microphone cannot be used: the usual one is");
    // A session that records in another rate begins anew, with what was said in it.
    if (this.#link && this.ear.rate !== this.#rate) await this.#open();
  }

  /** The microphone is gone. Where it was a chosen one, the usual one may do. */
  #deaf(chosen: boolean): void {
    this.#unlisten();
    if (chosen) return void this.#listen().catch((thrown: unknown) => this.#failed(thrown));
    this.#tell(GONE);
  }

  #unlisten(): void {
    this.floor.close();
    this.user = false;
  }

  async #open(takeOver = false): Promise<void> {
    const turn = ++this.#turn;
    this.state = "opening";
    const thread = await chat.here();
    if (turn !== this.#turn) return this.#isOff() ? chat.leave(thread) : undefined;
    if (this.thread !== thread) this.#enter(thread);
    this.#speaker ??= await Playback.open(({ ms, peak, over }) => {
      this.answer.plays(peak, over);
      this.#link?.send({ type: "played", ms });
    });
    await this.#speaker.place(false);
    if (turn !== this.#turn) return;
    this.model = chat.model ?? "";
    this.#rate = this.ear.rate;
    this.#link?.drop();
    this.#link = this.#linked(thread.id);
    await this.#link.open(takeOver);
  }

  #enter(thread: Thread): void {
    if (this.thread) this.thread.onrunning = null;
    this.thread = thread;
    this.#captions = new Captions(thread, () => thread.path.length > 0 && chat.stays(thread));
  }

  #linked(conversation: string): Link {
    const { model } = this;
    return new Link(
      (again) => ({
        conversation, model, input_rate: this.#rate, output_rate: this.#speaker?.rate ?? 24_000, push: this.floor.push, tab: TAB, made: this.thread !== null && chat.isMade(this.thread), take_over: false,
        // What is behind it comes again.
        ...(again && this.#speaker ? { received_ms: this.#speaker.received } : {}),
      }),
      {
        message: (message) => this.#receive(message),
        sound: (sound) => {
          this.answer.comes();
          this.#speaker?.play(sound);
        },
        lost: () => (this.state = "lost"),
        failed: (error) => this.#over(error),
      },
    );
  }

  #receive(message: VoiceMessage): void {
    this.asks.receive(message);
    this.answer.receive(message);
    switch (message.type) {
      case "opened":
        this.taken = false;
        this.state = "on";
        this.sees = message.sees;
        this.#speaker?.from(message.sent_ms);
        if (this.#captions?.begin(message.resumed)) void this.thread?.open();
        this.#gate.open();
        return aloud.quietly("The session is open");
      case "refused":
        this.taken = message.taken;
        if (message.taken) this.#said();
        return;
      case "taken":
        this.taken = true;
        this.#said();
        return this.#over({ kind: "invalid_request", message: "This conversation goes on in another tab or window" });
      case "cut":
        return this.#speaker?.flush();
      case "event":
        return this.#event(message.event);
    }
  }

  #event(event: SessionEvent): void {
    switch (event.type) {
      case "transcript":
        this.#said();
        return this.#captions?.add(event);
      case "speech_started":
      case "speech_stopped":
        this.#said();
        if (event.by === "user") this.user = event.type === "speech_started";
        return;
      case "error":
        this.error = event.error;
        return;
      case "warning":
        return aloud.note(event.message);
      case "closed":
        return this.#over(event.reason.why === "asked" ? null : event.reason.why === "failed" ? event.reason.error : { kind: "interrupted", message: event.reason.message });
    }
  }

  /** Holds the button down, or lets it go. */
  hold(down: boolean): void {
    if (down === this.floor.down || !this.ear.listening) return;
    if (down && this.answer.given) this.interrupt();
    this.user = down;
    if (down) this.floor.press();
    else void this.floor.release();
  }

  interrupt(): void {
    this.#speaker?.flush();
    this.answer.end();
    this.#link?.send({ type: "interrupt" });
  }

  async hearBy(microphone: string): Promise<void> {
    devices.microphones.choose(microphone);
    if (!this.ear.listening) return;
    this.#unlisten();
    this.error = null;
    await this.#listen().catch((thrown: unknown) => this.#failed(thrown));
  }

  async look(kind: Kind | null): Promise<void> {
    this.error = null;
    await this.shown.look(kind).catch((thrown: unknown) => this.#failed(thrown));
  }

  /** Ends it: the user has enough, or goes elsewhere. */
  stop(): void {
    this.#link?.close();
    this.#over(null);
    this.forget();
  }

  /** What was told is told no more. */
  forget(): void {
    this.error = null;
    this.taken = false;
  }

  #over(error: ApiError | null): void {
    // One that another tab has goes on.
    if (this.taken) this.#captions?.begin(false);
    else if (this.state === "on" || this.state === "lost") this.#cut();
    this.#turn += 1;
    this.#link?.drop();
    this.#link = null;
    this.#unlisten();
    this.shown.close();
    this.#speaker?.close();
    this.#speaker = null;
    this.asks.clear();
    this.answer.end();
    this.state = "off";
    if (this.thread) chat.leave(this.thread);
    if (error) this.#tell(error);
    this.#gate.open();
  }

  /** What was being said is cut, and read as it is stored. */
  #cut(): void {
    const { thread } = this;
    if (this.#captions?.end()) setTimeout(() => session.thread === thread && session.link === "open" && void thread?.open(), STORED_MS);
  }

  #isOff(): boolean {
    return this.state === "off";
  }

  #failed(thrown: unknown): NoSound {
    const failure = inWords(thrown, "microphone");
    const { error } = failure;
    // One failure is told once; who ended it needs not be told.
    if (error === this.error || error === OVER) return failure;
    // A microphone that fails ends no session in words.
    if (this.state === "on") this.#tell(error);
    else this.#over(error);
    return failure;
  }

  #tell(error: ApiError): void {
    this.error = error;
    aloud.loudly(error.message);
  }
}

export const voice = new Voice();
