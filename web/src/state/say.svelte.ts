// What is said to the user beside the page itself: to screen readers, and as short notes.

export interface Note { id: number; text: string; action?: { name: string; run: () => void }; bad?: boolean }

class Say {
  /** Read out politely: starts, ends, tools that wait. */
  status = $state("");
  /** Read out at once: errors. */
  alert = $state("");
  notes = $state<Note[]>([]);
  #next = 1;

  quietly(text: string): void {
    // The same words twice would not be read twice.
    this.status = this.status === text ? `${text}\u200b` : text;
  }

  loudly(text: string): void {
    this.alert = this.alert === text ? `${text}\u200b` : text;
  }

  note(text: string, options: { action?: Note["action"]; bad?: boolean; ms?: number } = {}): void {
    const id = this.#next++;
    this.notes.push({ id, text, action: options.action, bad: options.bad });
    if (options.bad) this.loudly(text);
    else this.quietly(text);
    setTimeout(() => this.dismiss(id), options.ms ?? (options.bad ? 10_000 : 5_000));
  }

  dismiss(id: number): void {
    this.notes = this.notes.filter((note) => note.id !== id);
  }
}

export const say = new Say();
