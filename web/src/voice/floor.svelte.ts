// What is meant of what the microphone hears: nothing while it is muted; by push to talk, what is said while a button is
// held, to its last piece.
import { keep, kept } from "../lib/keep";
import type { Ear } from "./ear.svelte";

interface Told { commit: () => void; push: (on: boolean) => void }

export class Floor {
  muted = $state(false);
  /** Whether the speaker says when a turn is over, instead of the model. */
  push = $state(kept<boolean>("voice.push", false));
  /** Whether the button is down. */
  down = $state(false);
  /** A little longer than the button is down. */
  #open = false;
  #held = 0;

  constructor(readonly ear: Ear, readonly told: Told) {}

  /** Whether what is heard goes on its way. */
  get meant(): boolean {
    return !this.push || this.#open;
  }

  /** Opens the microphone, if it is not open; false when it was closed before it was there. */
  listen(): Promise<boolean> {
    return this.ear.open(this.push || this.muted);
  }

  mute(muted: boolean): void {
    this.muted = muted;
    this.ear.mute(muted);
  }

  pushToTalk(on: boolean): void {
    this.push = on;
    keep("voice.push", on);
    this.#held += 1;
    this.down = this.#open = false;
    this.ear.mute(on || this.muted);
    this.told.push(on);
  }

  press(): void {
    this.#held += 1;
    this.down = this.#open = true;
    this.ear.mute(false);
  }

  /** The turn is over once all that was said by now is on its way; it goes on where the button is down again by then. */
  async release(): Promise<void> {
    const held = this.#held;
    this.down = false;
    await this.ear.rest();
    if (held !== this.#held) return;
    this.#open = false;
    this.ear.mute(true);
    this.told.commit();
  }

  /** Closes the microphone. What is being said is no turn. */
  close(): void {
    this.#held += 1;
    this.down = this.#open = false;
    this.ear.close();
  }
}
