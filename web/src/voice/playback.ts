// What the speaker was given, and where in the session's sound that lies.
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

  private constructor(readonly speaker: Speaker) {}

  static async open(told: (progress: Progress) => void): Promise<Playback> {
    const speaker = await speak((past, peak) => told({ ms: Math.round(made.#ms(past) + made.#offset), peak, over: past >= made.#given }));
    const made = new Playback(speaker);
    return made;
  }

  get rate(): number {
    return this.speaker.rate;
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

  flush(): void {
    this.speaker.flush();
  }

  close(): void {
    this.speaker.close();
  }
}
