// The answer of a live session: waited for, heard, over.
import type { SessionEvent, VoiceMessage } from "./line";

export class Answer {
  /** Whether it was asked for, and nothing of it came yet. */
  awaited = $state(false);
  /** Whether it is being heard, and how loud, from 0 to 1. */
  sounds = $state(false);
  level = $state(0);
  /** An answer was cut by what was asked: the next end is its own. */
  #cuts = false;

  /** Whether there is something to interrupt. */
  get isUnderWay(): boolean {
    return this.awaited || this.sounds;
  }

  ask(): void {
    this.#cuts = this.sounds;
    this.awaited = true;
  }

  comes(): void {
    this.awaited = false;
    this.sounds = true;
  }

  plays(level: number, over: boolean): void {
    this.level = level;
    if (over) this.sounds = false;
  }

  receive(message: VoiceMessage): void {
    if (message.type === "cut") this.sounds = false;
    else if (message.type === "opened") this.awaited &&= message.resumed;
    else if (message.type === "event") this.#event(message.event);
  }

  #event(event: SessionEvent): void {
    if (event.type === "turn_done" && this.#cuts) this.#cuts = false;
    else if (event.type === "turn_done" || event.type === "text" || event.type === "error" || (event.type === "transcript" && event.by === "assistant")) this.awaited = false;
  }

  end(): void {
    this.awaited = this.sounds = this.#cuts = false;
    this.level = 0;
  }
}
