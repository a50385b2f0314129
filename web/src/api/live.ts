// The one socket of a tab: commands with replies, messages, and connecting again.
import { Failure, unreachable } from "./client";
import type { ServerMessage } from "./events";

export type LiveState = "connecting" | "open" | "lost";

const SILENCE_MS = 45_000;
const PING_MS = 20_000;

interface Waiting { resolve: (ok: unknown) => void; reject: (error: Failure) => void }

export class Live {
  onmessage: (message: ServerMessage) => void = () => {};
  onstate: (state: LiveState) => void = () => {};

  #socket: WebSocket | null = null;
  #next = 1;
  #waiting = new Map<number, Waiting>();
  #tries = 0;
  #heard = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(readonly address: string) {
    setInterval(() => this.#look(), PING_MS);
    // A laptop that wakes up, or a network that is back, need not wait for the timer.
    addEventListener("online", () => this.retry());
    document.addEventListener("visibilitychange", () => document.hidden || this.#look());
  }

  connect(): void {
    clearTimeout(this.#timer);
    const socket = new WebSocket(this.address);
    this.#socket = socket;
    this.onstate(this.#tries === 0 ? "connecting" : "lost");
    socket.onmessage = (event: MessageEvent<string>) => this.#receive(socket, event.data);
    socket.onclose = () => this.#closed(socket);
  }

  /** Connects at once instead of waiting. */
  retry(): void {
    if (this.#socket === null) this.connect();
  }

  /** Sends a command; fails when the connection is lost before the reply. */
  send<T>(type: string, fields: object): Promise<T> {
    const socket = this.#socket;
    if (socket?.readyState !== WebSocket.OPEN) return Promise.reject(new Failure(unreachable));
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (ok: unknown) => void, reject });
      socket.send(JSON.stringify({ type, id, ...fields }));
    });
  }

  #receive(socket: WebSocket, data: string): void {
    if (socket !== this.#socket) return;
    this.#heard = performance.now();
    const message = JSON.parse(data) as ServerMessage;
    if (message.type === "reply") return this.#reply(message);
    if (message.type === "hello") {
      this.#tries = 0;
      this.onstate("open");
    }
    this.onmessage(message);
  }

  #reply(message: ServerMessage & { type: "reply" }): void {
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (message.error) waiting?.reject(new Failure(message.error));
    else waiting?.resolve(message.ok);
  }

  #closed(socket: WebSocket): void {
    if (socket !== this.#socket) return;
    this.#socket = null;
    for (const waiting of this.#waiting.values()) waiting.reject(new Failure(unreachable));
    this.#waiting.clear();
    this.onstate("lost");
    const wait = Math.min(15_000, 500 * 2 ** this.#tries++) * (0.75 + Math.random() / 2);
    this.#timer = setTimeout(() => this.connect(), wait);
  }

  #look(): void {
    const socket = this.#socket;
    if (socket?.readyState !== WebSocket.OPEN) return this.retry();
    if (performance.now() - this.#heard > SILENCE_MS) {
      socket.close();
      // A dead network never answers the close.
      this.#closed(socket);
    } else void this.send("ping", {}).catch(() => {});
  }
}
