// Where whoever has something to say waits until a session is open, or over.

export class Gate {
  #waiting: (() => void)[] = [];

  passed(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  open(): void {
    this.#waiting.splice(0).forEach((resolve) => resolve());
  }
}
