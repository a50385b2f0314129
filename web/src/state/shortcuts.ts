// The keys of the whole page. The sheet that shows them reads the same table.
import { textOf } from "./fold";
import { prefs } from "./prefs.svelte";
import { copy } from "../lib/copy";
import { router } from "./route.svelte";
import { say } from "./say.svelte";
import { session } from "./session.svelte";
import { focusComposer, ui } from "./ui.svelte";

export interface Shortcut {
  keys: string;
  name: string;
  /** Absent where another part of the page listens. */
  run?: () => void;
}

const lastReply = () => session.thread?.path.findLast((cell) => cell.turn.role === "assistant");

async function copyReply(codeOnly: boolean): Promise<void> {
  const text = textOf(lastReply()?.turn.parts ?? []);
  const wanted = codeOnly ? [...text.matchAll(/^(`{3,}|~{3,})[^\n]*\n([\s\S]*?)^\1/gm)].at(-1)?.[2] : text;
  if (!wanted) return say.note(codeOnly ? "No code to copy yet" : "No reply to copy yet");
  say.note((await copy(wanted)) ? (codeOnly ? "Code copied" : "Reply copied") : "The browser does not let this page copy");
}

/** Turns of the transcript, by Alt and the arrows. */
function move(by: number): void {
  const turns = [...document.querySelectorAll<HTMLElement>("[data-turn]")];
  const at = turns.indexOf(document.activeElement?.closest<HTMLElement>("[data-turn]") ?? document.body);
  const next = at < 0 ? turns.at(by < 0 ? -1 : 0) : turns[at + by];
  if (next) next.focus();
  else if (by > 0) focusComposer();
}

export const shortcuts: Shortcut[] = [
  { keys: "Mod+K", name: "Commands, conversations and plugins", run: () => (ui.palette = !ui.palette) },
  { keys: "Mod+M", name: "Choose the LLM plugin", run: () => (ui.picker ? (ui.picker = false) : ui.openPicker()) },
  { keys: "Mod+Shift+O", name: "New chat", run: () => (router.go("/"), queueMicrotask(focusComposer)) },
  { keys: "Mod+B", name: "Show or hide the list of conversations", run: () => (matchMedia("(max-width: 760px)").matches ? (ui.drawer = !ui.drawer) : prefs.set({ sidebar: !prefs.looks.sidebar })) },
  { keys: "Mod+.", name: "Settings of this conversation", run: () => (ui.tune = !ui.tune) },
  { keys: "Mod+/", name: "This sheet", run: () => (ui.shortcuts = !ui.shortcuts) },
  { keys: "Shift+Escape", name: "To the message", run: focusComposer },
  { keys: "Escape", name: "Stop the reply" },
  { keys: "Enter", name: "Send" },
  { keys: "Shift+Enter", name: "New line" },
  { keys: "↑", name: "Edit your last message (when the message is empty)" },
  { keys: "Alt+ArrowUp", name: "Previous turn", run: () => move(-1) },
  { keys: "Alt+ArrowDown", name: "Next turn", run: () => move(1) },
  { keys: "[ ]", name: "Previous and next branch (on a turn)" },
  { keys: "R, E, C", name: "Retry, edit, copy (on a turn)" },
  { keys: "Mod+Shift+C", name: "Copy the last reply", run: () => void copyReply(false) },
  { keys: "Mod+Shift+;", name: "Copy the last block of code", run: () => void copyReply(true) },
];

export const isMac = /Mac|iPhone|iPad/.test(navigator.platform);
export const shown = (keys: string): string =>
  keys.replace("Mod", isMac ? "⌘" : "Ctrl").replace("ArrowUp", "↑").replace("ArrowDown", "↓").replace("Escape", "Esc");

function pressed(event: KeyboardEvent): string {
  const key = event.code === "Semicolon" && event.shiftKey ? ";" : event.key.length === 1 ? event.key.toUpperCase() : event.key;
  const mod = isMac ? event.metaKey : event.ctrlKey;
  return [mod ? "Mod" : "", event.altKey ? "Alt" : "", event.shiftKey ? "Shift" : "", key].filter(Boolean).join("+");
}

export function onkeydown(event: KeyboardEvent): void {
  if (event.isComposing) return;
  const keys = pressed(event);
  if (keys === "Escape" && !ui.anythingOpen && !event.defaultPrevented && session.thread?.running) {
    session.thread.stop();
    return event.preventDefault();
  }
  const shortcut = shortcuts.find((one) => one.keys === keys && one.run);
  if (!shortcut) return;
  event.preventDefault();
  shortcut.run?.();
}
