// The voice socket: what is said goes out, sound and events come in.
import { newKey } from "../state/draft.svelte";
import type { ApiError, ToolWaiting, Usage } from "../api/types";

export type SessionEvent =
  | { type: "transcript"; item: string; by: "user" | "assistant"; mode: "delta" | "replacement" | "final"; text: string }
  | { type: "text"; item: string; text: string }
  | { type: "speech_started" | "speech_stopped"; by: "user" | "assistant" }
  | { type: "turn_done"; usage?: Usage | null }
  | { type: "reconnecting"; reason: string }
  | { type: "connected" | "interrupted" | "audio_done" | "native" }
  | { type: "tool_cancelled"; id: string }
  | { type: "tool_call"; call: { id: string; name: string } }
  | { type: "warning"; code: string; message: string }
  | { type: "error"; error: ApiError }
  | { type: "closed"; reason: { why: "asked" } | { why: "ended"; message: string } | { why: "failed"; error: ApiError } };

export type VoiceMessage =
  | { type: "opened"; conversation: string; model: string; resumed: boolean; sees: boolean; push: boolean; sent_ms: number }
  | { type: "refused"; error: ApiError; taken: boolean }
  | { type: "event"; event: SessionEvent }
  | { type: "tool_waiting"; call: ToolWaiting }
  | { type: "tool_finished"; tool: { call_id: string; is_error: boolean } }
  | { type: "cut" | "taken" };

export interface Opening { conversation: string; model: string; input_rate: number; output_rate: number; push: boolean; tab: string; take_over: boolean; made: boolean; received_ms?: number }

/** How long a lost connection is tried again, and how long it waits between. */
export const TRIES_MS = [300, 700, 1500, 3000, 5000, 8000];


/** This tab, on whichever connection: a session that lost one is not another tab's. A copy of the tab is another. */
export const TAB = newKey();

export class Line {
  onmessage: (message: VoiceMessage) => void = () => {};
  onsound: (sound: ArrayBuffer) => void = () => {};
  onlost: () => void = () => {};
  #socket: WebSocket;

  constructor(opening: Opening) {
    this.#socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/api/voice`);
    this.#socket.binaryType = "arraybuffer";
    this.#socket.onopen = () => this.send({ type: "open", ...opening });
    this.#socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) =>
      typeof data === "string" ? this.onmessage(JSON.parse(data) as VoiceMessage) : this.onsound(data);
    this.#socket.onclose = () => this.onlost();
  }

  /** Whether it is on its way. */
  send(message: object): boolean {
    if (this.#socket.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  sound(piece: ArrayBuffer): void {
    // A connection that is far behind is not given more: what is said now would be heard much later.
    if (this.#socket.readyState === WebSocket.OPEN && this.#socket.bufferedAmount < 200_000) this.#socket.send(piece);
  }

  /** Ends the session. */
  close(): void {
    this.send({ type: "close" });
    this.drop();
  }

  /** Lets go of the connection: the session waits a moment for another one. */
  drop(): void {
    this.onlost = this.onmessage = this.onsound = () => {};
    this.#socket.close();
  }
}
