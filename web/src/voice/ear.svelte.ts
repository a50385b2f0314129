// The microphone of the page: which one it is, whether it is open or asked for, and how loud it hears.
import { keep, kept } from "../lib/keep";
import { devices } from "./devices.svelte";
import { listen, type Microphone } from "./sound";

/** Before any microphone was open here. */
const USUAL_RATE = 24_000;

export class Ear {
  listening = $state(false);
  /** Whether the browser asks its user for it. */
  asking = $state(false);
  /** From 0 to 1. */
  heard = $state(0);
  #microphone: Microphone | null = null;
  /** What was asked for is not wanted any more when it is closed meanwhile. */
  #asked = 0;

  constructor(readonly onsound: (sound: ArrayBuffer) => unknown, readonly onlost: (chosen: boolean) => void) {}

  /** Whether it is the one that was chosen, and another one would do. */
  get chosen(): boolean {
    return devices.microphones.chosen !== "" && this.#microphone?.instead === false;
  }

  /** Whether it is the usual one, in place of the chosen one. */
  get instead(): boolean {
    return this.#microphone?.instead ?? false;
  }

  /** What it records in, or the last one did. */
  get rate(): number {
    return this.#microphone?.rate ?? kept<number>("voice.rate", USUAL_RATE);
  }

  /** Opens it, if it is not; false when it was closed before it was there. */
  async open(muted: boolean): Promise<boolean> {
    if (this.#microphone || this.asking) return false;
    const asked = ++this.#asked;
    this.asking = true;
    const found = await listen(devices.microphones.chosen, (sound, peak) => this.#hear(sound, peak), () => {
      const { chosen } = this;
      this.close();
      this.onlost(chosen);
    }).then((microphone) => ({ microphone }), (thrown: unknown) => ({ thrown }));
    if (asked !== this.#asked) {
      if ("microphone" in found) found.microphone.close();
      return false;
    }
    this.asking = false;
    if ("thrown" in found) throw found.thrown;
    this.#microphone = found.microphone;
    this.listening = true;
    this.mute(muted);
    keep("voice.rate", found.microphone.rate);
    await devices.learn();
    return asked === this.#asked;
  }

  #hear(sound: ArrayBuffer, peak: number): void {
    this.heard = Math.max(peak, this.heard * 0.8);
    this.onsound(sound);
  }

  mute(muted: boolean): void {
    this.#microphone?.mute(muted);
  }

  /** Done when all that was said before was heard. */
  async rest(): Promise<void> {
    await this.#microphone?.rest();
  }

  close(): void {
    this.#asked += 1;
    this.#microphone?.close();
    this.#microphone = null;
    this.listening = this.asking = false;
    this.heard = 0;
  }
}
