// The answer of a live session: asked for, given, over. There are gaps in what is given: it is over when that is told, and
// what came of it is played.
import type { SessionEvent, VoiceMessage } from "./line";

export class Answer {
  #stage = $state<"none" | "asked" | "given">("none");
  /** Whether it is heard right now, and how loud, from 0 to 1. */
  sounds = $state(false);
  level = $state(0);
  /** All of it was made: what comes still is played as it comes. */
  #done = false;
  /** What was asked cut an answer: the next end is that one's. */
  #cuts = false;

  /** Whether it was asked for, and nothing of it came yet. */
  get awaited(): boolean {
    return this.#stage === "asked";
  }

  get given(): boolean {
    return this.#stage === "given";
  }

  /** Whether there is something to interrupt. */
  get isUnderWay(): boolean {
    return this.#stage !== "none";
  }

  ask(): void {
    this.#cuts = this.given && !this.#done;
    this.#stage = "asked";
    this.#done = false;
  }

  /** Sound of it comes. */
  comes(): void {
    this.sounds = true;
    this.#stage = "given";
  }

  plays(level: number, over: boolean): void {
    this.level = level;
    if (!over) return;
    this.sounds = false;
    if (this.#done) this.end();
  }

  receive(message: VoiceMessage): void {
    if (message.type === "opened" && !message.resumed) this.end();
    else if (message.type === "cut") this.#cut();
    else if (message.type === "event") this.#event(message.event);
  }

  end(): void {
    this.#stage = "none";
    this.#done = this.#cuts = this.sounds = false;
    this.level = 0;
  }

  #event(event: SessionEvent): void {
    const isGiven = event.type === "text" || (event.type === "transcript" && event.by === "assistant" && event.mode !== "final");
    if (isGiven) this.#stage = "given";
    else if (event.type === "turn_done") this.#ended();
    else if (event.type === "error" && this.awaited) this.end();
  }

  #ended(): void {
    if (this.#cuts) this.#cuts = false;
    else if (this.sounds) this.#done = true;
    else this.end();
  }

  /** What was asked meanwhile is still to be answered. */
  #cut(): void {
    this.sounds = false;
    if (this.given) this.end();
  }
}
