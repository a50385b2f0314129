// A session's connection: opened, tried again while it is lost, given up.
import type { ApiError } from "../api/types";
import { Line, type Opening, TRIES_MS, type VoiceMessage } from "./line";
import { NoSound, OVER } from "./sound";

const LOST: ApiError = { kind: "network", message: "The connection to Consort is lost" };

interface Told {
  message: (message: VoiceMessage) => void;
  sound: (sound: ArrayBuffer) => void;
  /** It is lost, and tried again. */
  lost: () => void;
  /** It is over. */
  failed: (error: ApiError) => void;
}

export class Link {
  #line: Line | null = null;
  #tries = 0;
  /** Whether it was open: what never was is not tried again. */
  #was = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #opening: { done: () => void; failed: (error: NoSound) => void } | null = null;

  /** `again`: the same session is asked for that was open before. */
  constructor(readonly opening: (again: boolean) => Opening, readonly told: Told) {}

  /** Done when the session is open; fails where it is refused. */
  open(takeOver: boolean): Promise<void> {
    return new Promise((done, failed) => {
      this.#opening = { done, failed };
      this.#connect(takeOver);
    });
  }

  #connect(takeOver: boolean): void {
    const line = new Line({ ...this.opening(this.#was), take_over: takeOver });
    line.onmessage = (message) => this.#receive(message);
    line.onsound = this.told.sound;
    line.onlost = () => this.#lost();
    this.#line = line;
  }

  #receive(message: VoiceMessage): void {
    if (message.type === "opened") {
      this.#was = true;
      this.#tries = 0;
    }
    this.told.message(message);
    if (message.type === "refused") return this.#fail(message.error);
    if (message.type !== "opened") return;
    this.#opening?.done();
    this.#opening = null;
  }

  #lost(): void {
    this.#line = null;
    const wait = TRIES_MS[this.#tries++];
    if (!this.#was || wait === undefined) return this.#fail(LOST);
    this.#timer = setTimeout(() => this.#connect(false), wait);
    this.told.lost();
  }

  #fail(error: ApiError): void {
    this.#settle(error);
    this.drop();
    this.told.failed(error);
  }

  /** Whether it is on its way. */
  send(message: object): boolean {
    return this.#line?.send(message) ?? false;
  }

  sound(piece: ArrayBuffer): void {
    this.#line?.sound(piece);
  }

  /** Ends the session. */
  close(): void {
    this.#line?.close();
    this.drop();
  }

  /** Lets go of the connection. */
  drop(): void {
    clearTimeout(this.#timer);
    this.#line?.drop();
    this.#line = null;
    this.#settle(OVER);
  }

  #settle(error: ApiError): void {
    this.#opening?.failed(new NoSound(error));
    this.#opening = null;
  }
}
