// A live session of the page: its microphone, its speaker, its socket, and what is known of it.
import type { ApiError, ToolWaiting } from "../api/types";
import { keep, kept } from "../lib/keep";
import { chat } from "../state/chat.svelte";
import { say as aloud } from "../state/say.svelte";
import type { Thread } from "../state/thread.svelte";
import { Captions } from "./captions";
import { Line, type SessionEvent, type VoiceMessage } from "./line";
import type { Kind } from "./pictures";
import { Playback } from "./playback";
import { Shown } from "./shown.svelte";
import { type Device, inWords, listen, type Microphone, microphones, NoSound } from "./sound";

type State = "off" | "opening" | "on" | "lost";

/** How long a lost connection is tried again, and how long it waits between. */
const TRIES_MS = [300, 700, 1500, 3000, 5000, 8000];

class Voice {
  state = $state<State>("off");
  /** Whether the microphone is open, and whether it is heard. */
  listening = $state(false);
  muted = $state(false);
  push = $state(kept<boolean>("voice.push", false));
  holding = $state(false);
  /** Whether somebody is speaking, and how loud, from 0 to 1. */
  user = $state(false);
  assistant = $state(false);
  heard = $state(0);
  played = $state(0);
  sees = $state(false);
  shown = new Shown((bytes) => this.#line?.send({ type: "frame", media: { source: { bytes }, mime: "image/jpeg" } }));
  waiting = $state.raw<ToolWaiting[]>([]);
  error = $state.raw<ApiError | null>(null);
  taken = $state(false);
  device = $state(kept<string>("voice.device", ""));
  devices = $state.raw<Device[]>([]);
  model = $state("");
  thread = $state.raw<Thread | null>(null);

  #line: Line | null = null;
  #microphone: Microphone | null = null;
  #speaker: Playback | null = null;
  #captions: Captions | null = null;
  #tries = 0;
  #rate = 24_000;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #opened: { done: () => void; failed: (error: ApiError) => void } | null = null;
  /** What was begun before is over when another thing is. */
  #turn = 0;

  /** Opens a session with the microphone, or opens the microphone of the one that is there. */
  async talk(): Promise<void> {
    this.error = null;
    await this.#listen().then(() => (this.state === "off" ? this.#open() : undefined)).catch((thrown: unknown) => this.#failed(thrown));
  }

  /** Says this in words, in a session that is opened for it where there is none. */
  async say(text: string): Promise<Thread> {
    if (this.state === "off" || this.thread?.id !== (await chat.here()).id) await this.#open();
    this.#line?.send({ type: "say", text });
    if (!this.thread) throw new NoSound({ kind: "interrupted", message: "The session is over" });
    return this.thread;
  }

  async takeOver(): Promise<void> {
    this.error = null;
    await this.#open(true).catch((thrown: unknown) => this.#failed(thrown));
  }

  async #listen(): Promise<void> {
    if (this.#microphone) return;
    const microphone = await listen(this.device, (sound, peak) => this.#heard(sound, peak), () => {
      this.#unlisten();
      this.error = { kind: "setup", message: "The microphone is gone", hints: ["connect it, and talk again", "writing works without it"] };
    });
    this.#microphone = microphone;
    this.listening = true;
    this.muted = false;
    microphone.mute(this.push);
    this.devices = await microphones().catch(() => []);
    // A session that records in another rate begins anew, with what was said in it.
    if (this.#line && microphone.rate !== this.#rate) await this.#open();
  }

  #unlisten(): void {
    this.#microphone?.close();
    this.#microphone = null;
    this.listening = this.holding = this.user = false;
    this.heard = 0;
  }

  async #open(takeOver = false): Promise<void> {
    const turn = ++this.#turn;
    this.state = "opening";
    const thread = await chat.here();
    if (this.thread?.id !== thread.id) this.#enter(thread);
    this.#speaker ??= await Playback.open(({ ms, peak, over }) => {
      this.played = peak;
      if (over) this.assistant = false;
      this.#line?.send({ type: "played", ms });
    });
    if (turn !== this.#turn) return;
    this.model = chat.model ?? "";
    this.#rate = this.#microphone?.rate ?? 24_000;
    await this.#connect(takeOver);
  }

  #enter(thread: Thread): void {
    if (this.thread) this.thread.onrunning = null;
    this.thread = thread;
    this.#captions = new Captions(thread);
  }

  #connect(takeOver: boolean): Promise<void> {
    const { thread, model } = this;
    if (!thread) return Promise.resolve();
    this.#hangUp();
    const line = new Line({
      conversation: thread.id, model, input_rate: this.#rate, output_rate: this.#speaker?.rate ?? 24_000, push: this.push, take_over: takeOver,
    });
    this.#line = line;
    line.onmessage = (message) => this.#receive(message);
    line.onsound = (sound) => {
      this.assistant = true;
      this.#speaker?.play(sound);
    };
    line.onlost = () => this.#lost(line);
    return new Promise((resolve, reject) => {
      this.#opened = { done: resolve, failed: (error) => reject(new NoSound(error)) };
    });
  }

  #hangUp(): void {
    clearTimeout(this.#timer);
    this.#line?.drop();
    this.#line = null;
  }

  #lost(line: Line): void {
    if (line !== this.#line) return;
    this.#line = null;
    const wait = TRIES_MS[this.#tries++];
    if (this.state === "opening" || wait === undefined) {
      const error: ApiError = { kind: "network", message: "The connection to Consort is lost" };
      this.#opened?.failed(error);
      this.#opened = null;
      return this.#over(error);
    }
    this.state = "lost";
    this.#timer = setTimeout(() => void this.#connect(false).catch((thrown: unknown) => this.#failed(thrown)), wait);
  }

  #receive(message: VoiceMessage): void {
    switch (message.type) {
      case "opened":
        this.taken = false;
        this.#tries = 0;
        this.state = "on";
        this.sees = message.sees;
        this.#speaker?.from(message.sent_ms);
        if (!message.resumed) this.waiting = [];
        this.#opened?.done();
        this.#opened = null;
        aloud.quietly("The session is open");
        return;
      case "refused":
        this.taken = message.taken;
        this.#opened?.failed(message.error);
        this.#opened = null;
        return this.#over(message.error);
      case "taken":
        this.taken = true;
        return this.#over({ kind: "invalid_request", message: "This conversation goes on in another tab or window" });
      case "cut":
        this.#speaker?.flush();
        this.assistant = false;
        return;
      case "tool_waiting":
        this.waiting = [...this.waiting, message.call];
        return aloud.quietly(`The tool ${message.call.name} waits for you`);
      case "tool_finished":
        this.waiting = this.waiting.filter((call) => call.call_id !== message.tool.call_id);
        return;
      case "event":
        return this.#event(message.event);
      default:
    }
  }

  #event(event: SessionEvent): void {
    switch (event.type) {
      case "transcript":
        return this.#captions?.add(event);
      case "speech_started":
      case "speech_stopped":
        if (event.by === "user") this.user = event.type === "speech_started";
        return;
      case "error":
        this.error = event.error;
        return;
      case "warning":
        return aloud.note(event.message);
      case "closed":
        return this.#over(event.reason.why === "asked" ? null : event.reason.why === "failed" ? event.reason.error : { kind: "interrupted", message: event.reason.message });
      default:
    }
  }

  #heard(sound: ArrayBuffer, peak: number): void {
    this.heard = Math.max(peak, this.heard * 0.8);
    if (this.push && !this.holding) return;
    this.#line?.sound(sound);
  }

  mute(muted: boolean): void {
    this.muted = muted;
    this.#microphone?.mute(muted);
  }

  /** Whether the speaker says when a turn is over, instead of the model. */
  pushToTalk(on: boolean): void {
    this.push = on;
    keep("voice.push", on);
    this.holding = false;
    this.#microphone?.mute(on || this.muted);
    this.#line?.send({ type: "push", on });
  }

  /** Holds the button down, or lets it go. */
  hold(holding: boolean): void {
    if (holding === this.holding || !this.listening) return;
    if (holding && this.assistant) this.interrupt();
    this.#microphone?.mute(!holding);
    this.holding = this.user = holding;
    if (!holding) this.#line?.send({ type: "commit" });
  }

  interrupt(): void {
    this.#speaker?.flush();
    this.assistant = false;
    this.#line?.send({ type: "interrupt" });
  }

  async use(device: string): Promise<void> {
    this.device = device;
    keep("voice.device", device);
    if (!this.#microphone) return;
    this.#unlisten();
    this.error = null;
    await this.#listen().catch((thrown: unknown) => this.#failed(thrown));
  }

  async look(kind: Kind | null): Promise<void> {
    this.error = null;
    await this.shown.look(kind).catch((thrown: unknown) => (this.error = inWords(thrown, "camera").error));
  }

  decide(call: string, decision: "once" | "always" | "deny"): void {
    this.waiting = this.waiting.filter((one) => one.call_id !== call);
    this.#line?.send({ type: "decide", call_id: call, decision });
  }

  /** Ends it: the user has enough, or goes elsewhere. */
  stop(): void {
    this.#line?.close();
    this.#over(null);
    this.error = null;
    this.taken = false;
  }

  #over(error: ApiError | null): void {
    this.#turn += 1;
    this.#hangUp();
    this.#unlisten();
    this.shown.close();
    this.#speaker?.close();
    Object.assign(this, { state: "off", waiting: [], played: 0, assistant: false });
    this.#speaker = null;
    this.#tries = 0;
    if (error) {
      this.error = error;
      aloud.loudly(error.message);
    }
  }

  #failed(thrown: unknown): void {
    const { error } = inWords(thrown, "microphone");
    // A microphone that fails ends no session in words.
    if (this.state !== "on") this.#over(error);
    else {
      this.error = error;
      aloud.loudly(error.message);
    }
  }
}

export const voice = new Voice();
