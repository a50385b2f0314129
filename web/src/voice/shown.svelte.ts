// What the model is shown, if anything: the camera or the screen, one of them at a time.
import { type Kind, type Pictures, show } from "./pictures";
import { inWords } from "./sound";

export class Shown {
  now = $state.raw<Pictures | null>(null);

  constructor(readonly frame: (bytes: string) => void) {}

  /** Shows this, or nothing. */
  async look(kind: Kind | null): Promise<void> {
    this.close();
    if (!kind) return;
    try {
      this.now = await show(kind, this.frame, () => (this.now = null));
    } catch (thrown) {
      throw inWords(thrown, kind);
    }
  }

  close(): void {
    this.now?.close();
    this.now = null;
  }
}
