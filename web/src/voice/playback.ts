// What the speaker was given, and where in the session's sound that lies.
import { say } from "../state/say.svelte";
import { devices } from "./devices.svelte";
import { speak, type Speaker } from "./sound";

export interface Progress {
  /** So much of all the session's sound is past, in milliseconds. */
  ms: number;
  peak: number;
  /** Whether nothing is left to be played. */
  over: boolean;
}

export class Playback {
  #given = 0;
  #offset = 0;
  /** Whether it was told that the chosen speaker cannot be used. */
  #told = false;

  private constructor(readonly speaker: Speaker) {}

  static async open(told: (progress: Progress) => void): Promise<Playback> {
    const speaker = await speak((past, peak) => told({ ms: Math.round(made.#ms(past) + made.#offset), peak, over: past >= made.#given }));
    const made = new Playback(speaker);
    return made;
  }

  get rate(): number {
    return this.speaker.rate;
  }

  /** So much of the session's sound came, in whole milliseconds. */
  get received(): number {
    return Math.floor(this.#ms(this.#given) + this.#offset);
  }

  #ms(samples: number): number {
    return (samples * 1000) / this.speaker.rate;
  }

  /** What comes now begins there in the session's sound. */
  from(sent_ms: number): void {
    this.#offset = sent_ms - this.#ms(this.#given);
  }

  play(sound: ArrayBuffer): void {
    this.#given += sound.byteLength / 2;
    this.speaker.play(sound);
  }

  /** Lets sound come out where it was chosen to, or where it usually does; `tell` that, where it is so. */
  async place(tell: boolean): Promise<void> {
    const { output } = this.speaker;
    const { chosen, all, there } = devices.speakers;
    // Which speakers there are is not known before a microphone was allowed.
    const may = there || all.length === 0;
    if (may && (await output.use(chosen).then(() => true, () => false))) {
      this.#told = false;
      return;
    }
    await output.use("").catch(() => {});
    if (!tell || this.#told) return;
    this.#told = true;
    say.note("The chosen speaker cannot be used: sound comes out of the usual one");
  }

  flush(): void {
    this.speaker.flush();
  }

  close(): void {
    this.speaker.close();
  }
}
