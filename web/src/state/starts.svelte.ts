// What was asked for and has no run yet: it can be stopped all the same.
import type { Start, Started } from "../api/events";
import type { Live } from "../api/live";
import { asError } from "../api/client";
import { say } from "./say.svelte";

export class Starts {
  #count = $state(0);
  #unwanted = false;

  constructor(readonly live: Live) {}

  /** Whether one waits for the server's answer. */
  get waiting(): boolean {
    return this.#count > 0;
  }

  async ask(command: Start): Promise<Started> {
    this.#count += 1;
    try {
      const started = await this.live.send<Started>("start", command);
      if (this.#unwanted) for (const { run } of started.runs) if (run) this.halt(run);
      return started;
    } finally {
      this.#count -= 1;
      if (this.#count === 0) this.#unwanted = false;
    }
  }

  /** Stops what those that wait will begin. */
  stop(): void {
    this.#unwanted = this.waiting;
  }

  halt(run: string): void {
    void this.live.send("stop", { run }).catch((thrown: unknown) => say.note(`Not stopped: ${asError(thrown).message}`, { bad: true }));
  }
}
