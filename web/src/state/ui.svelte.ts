// What is open on the page.
import { tick } from "svelte";

class Ui {
  picker = $state(false);
  /** The picker chooses for this instead of the conversation: a retry, say. */
  pickFor = $state.raw<{ title: string; run: (model: string) => void } | null>(null);
  palette = $state(false);
  shortcuts = $state(false);
  tune = $state(false);
  /** The list of conversations on a narrow page. */
  drawer = $state(false);
  /** The plugin whose log is shown. */
  log = $state<string | null>(null);
  keyFor = $state<string | null>(null);

  openPicker(pickFor: Ui["pickFor"] = null): void {
    this.pickFor = pickFor;
    this.picker = true;
  }

  get anythingOpen(): boolean {
    return this.picker || this.palette || this.shortcuts || this.tune || this.drawer || this.log !== null;
  }
}

export const ui = new Ui();

/** A turn that takes another's place takes the focus too; else the keys would be lost with it. */
export async function focusTurn(id: string | undefined): Promise<void> {
  await tick();
  if (id && document.activeElement === document.body) document.querySelector<HTMLElement>(`[data-turn="${CSS.escape(id)}"]`)?.focus();
}

export const focusComposer = (): void => document.querySelector<HTMLTextAreaElement>("#message")?.focus();
