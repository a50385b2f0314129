// How this browser likes the page.
import { keep, kept } from "../lib/keep";

interface Looks {
  theme: "system" | "light" | "dark";
  font: "serif" | "sans";
  follow: boolean;
  sendWith: "enter" | "ctrl-enter";
  letters: boolean;
  sidebar: boolean;
}

const usual: Looks = { theme: "system", font: "serif", follow: false, sendWith: "enter", letters: true, sidebar: true };

class Prefs {
  #looks = $state<Looks>({ ...usual, ...kept<Partial<Looks>>("looks", {}) });

  get looks(): Readonly<Looks> {
    return this.#looks;
  }

  set(change: Partial<Looks>): void {
    Object.assign(this.#looks, change);
    keep("looks", this.#looks);
    this.show();
  }

  show(): void {
    const root = document.documentElement;
    root.dataset.theme = this.#looks.theme;
    root.dataset.font = this.#looks.font;
  }
}

export const prefs = new Prefs();
