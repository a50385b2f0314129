// Keeps the end of a growing text in view, until the reader scrolls. Each scroll made here is remembered by its
// position; any other is the reader's.

const END = 60;
const SLIP = 3;

export class Stick {
  /** Whether the end is followed. */
  pinned = true;
  onpin: (pinned: boolean) => void = () => {};
  /** Whether the end is in sight, or a scroll away. */
  onnear: (near: boolean) => void = () => {};
  /** Whether the reader asked for the end: then it is followed, however tall the reply. */
  #wanted = false;
  #expected = -1;
  #last = 0;
  #resize: ResizeObserver;

  /** `hold` says that following has to end here: the reply fills the view. */
  constructor(readonly view: HTMLElement, content: HTMLElement, readonly hold: () => boolean) {
    this.#last = view.scrollTop;
    view.addEventListener("scroll", this.#scrolled, { passive: true });
    this.#resize = new ResizeObserver(() => this.#grown());
    this.#resize.observe(content);
    this.#resize.observe(view);
  }

  destroy(): void {
    this.view.removeEventListener("scroll", this.#scrolled);
    this.#resize.disconnect();
  }

  #pin(pinned: boolean): void {
    if (this.pinned === pinned) return;
    this.pinned = pinned;
    this.onpin(pinned);
  }

  #scrolled = (): void => {
    const { scrollTop, scrollHeight, clientHeight } = this.view;
    const mine = Math.abs(scrollTop - this.#expected) < 1;
    if (!mine) {
      if (scrollTop < this.#last - SLIP) this.#pin(false);
      else if (scrollHeight - scrollTop - clientHeight < END) {
        this.#wanted = true;
        this.#pin(true);
      }
    }
    this.#last = scrollTop;
    this.onnear(scrollHeight - scrollTop < 2 * clientHeight);
  };

  #grown(): void {
    const { scrollTop, scrollHeight, clientHeight } = this.view;
    this.onnear(this.pinned || scrollHeight - scrollTop < 2 * clientHeight);
    if (!this.pinned) return;
    if (!this.#wanted && this.hold()) return this.#pin(false);
    this.#write(this.view.scrollHeight);
  }

  #write(top: number): void {
    const max = Math.max(0, this.view.scrollHeight - this.view.clientHeight);
    this.#expected = Math.min(Math.max(0, Math.floor(top)), max);
    this.view.scrollTop = this.#expected;
    this.#expected = this.view.scrollTop;
    this.#last = this.#expected;
  }

  /** `wanted` by the reader, not by the page. */
  toEnd(wanted = false): void {
    this.#wanted = wanted;
    this.#pin(true);
    this.#write(this.view.scrollHeight);
  }

  to(element: HTMLElement, margin: number): void {
    this.#wanted = false;
    this.#pin(true);
    this.#write(element.offsetTop - margin);
  }
}
