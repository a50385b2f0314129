// What a screen reader is told of a run: its start and end, and tools that wait. Never the text itself.
import type { Envelope } from "../api/events";
import type { Turn } from "../api/types";
import { allOutput, count } from "../lib/format";
import { say } from "./say.svelte";

export function narrate({ event }: Envelope, turn: Turn | undefined): void {
  switch (event.type) {
    case "started":
      return say.quietly(`${turn?.model ?? "The model"} answers`);
    case "tool_waiting":
      return say.quietly(`${event.call.name} waits for your approval`);
    case "run_ended":
      return ended(event.status, turn, event.error?.message);
    default:
  }
}

function ended(status: string, turn: Turn | undefined, message: string | undefined): void {
  if (status === "failed") return say.loudly(`The reply failed: ${message ?? "unknown reason"}`);
  const out = allOutput(turn?.usage);
  const size = out === null ? "" : `, ${count(out)} tokens`;
  say.quietly(status === "interrupted" ? "Stopped; the part that came is kept" : `Reply finished${size}`);
}
