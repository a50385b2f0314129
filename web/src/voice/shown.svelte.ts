// What the model is shown, if anything: the camera or the screen, one of them at a time.
import { type Kind, type Pictures, show } from "./pictures";
import { inWords } from "./sound";

export class Shown {
  now = $state.raw<Pictures | null>(null);
  /** What was asked for is not wanted any more when another thing is, or none. */
  #asked = 0;

  constructor(readonly frame: (bytes: string) => void) {}

  /** Shows this, or nothing. */
  async look(kind: Kind | null): Promise<void> {
    this.close();
    if (!kind) return;
    const asked = this.#asked;
    const found = await show(kind, this.frame, () => (this.now = null)).catch((thrown: unknown) => { throw inWords(thrown, kind); });
    if (asked === this.#asked) this.now = found;
    else found.close();
  }

  close(): void {
    this.#asked += 1;
    this.now?.close();
    this.now = null;
  }
}
