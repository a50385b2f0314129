// The tools of a live session that wait for its user.
import type { ToolWaiting } from "../api/types";
import { say } from "../state/say.svelte";
import type { VoiceMessage } from "./line";

export type Decision = "once" | "always" | "deny";

export class Asks {
  waiting = $state.raw<ToolWaiting[]>([]);

  constructor(readonly told: (call: string, decision: Decision) => void) {}

  /** Whoever opens a session is told again what still waits in it. */
  receive(message: VoiceMessage): void {
    if (message.type === "opened") this.clear();
    else if (message.type === "tool_waiting") this.add(message.call);
    else if (message.type === "tool_finished") this.drop(message.tool.call_id);
    else if (message.type === "event" && message.event.type === "tool_cancelled") this.drop(message.event.id);
  }

  add(call: ToolWaiting): void {
    this.waiting = [...this.waiting, call];
    say.quietly(`The tool ${call.name} waits for you`);
  }

  drop(call: string): void {
    this.waiting = this.waiting.filter((one) => one.call_id !== call);
  }

  decide(call: string, decision: Decision): void {
    this.drop(call);
    this.told(call, decision);
  }

  clear(): void {
    this.waiting = [];
  }
}
