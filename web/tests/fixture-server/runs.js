// Runs: each plays a scene, numbers its events, keeps them, and tells who watches.
import { scene } from "./script.js";

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
let next = 1;

export class Run {
  constructor(world, { conversation, turn, model, message, carry }) {
    Object.assign(this, { id: `r${next++}`, world, conversation, turn, model, message, events: [], waiting: [], over: false, stopped: false, started: Date.now() });
    turn.run = this.id;
    this.begun = performance.now();
    if (carry) this.message = "#continued";
  }

  view() {
    return { id: this.id, conversation: this.conversation.id, turn: this.turn.id, model: this.model, started: this.started, last: this.events.length, waiting: this.waiting };
  }

  emit(event) {
    const envelope = { type: "event", run: this.id, sequence_number: this.events.length + 1, conversation: this.conversation.id, turn: this.turn.id, at: Date.now(), event };
    this.events.push(envelope);
    this.world.tell(this.conversation.id, envelope);
  }

  /** What the engine stores: the parts that the events fold to. */
  store(event) {
    const { turn } = this;
    this.keys ??= new Map();
    if (event.type === "started") turn.resolved_model = event.model;
    if (event.type === "attempt") turn.attempts.push(event.attempt);
    if (event.type === "usage") turn.usage = { ...event, type: undefined };
    if (event.type === "part_start") {
      const { kind } = event;
      const part = kind.type === "tool_call" ? { ...kind, arguments: "" } : { type: kind.type, text: "" };
      this.keys.set(event.part, part);
      turn.parts.push(part);
    }
    if (event.type === "part_delta") {
      turn.timings.first_ms ??= Math.round(performance.now() - this.begun);
      const part = this.keys.get(event.part);
      if (event.delta.text !== undefined) part.text += event.delta.text;
      if (event.delta.arguments !== undefined) part.arguments += event.delta.arguments;
    }
    this.emit(event);
  }

  async play() {
    this.emit({ type: "turn_started", turn: structuredClone(this.turn) });
    for (const step of scene(this.message, this.model)) {
      if (step.wait) await sleep(step.wait);
      // What is due by the clock comes in the groups that timers allow.
      if (step.until && performance.now() < step.until) await sleep(5);
      if (this.stopped) return this.end("interrupted");
      if (step.event) this.store(step.event);
      if (step.error) return this.end("failed", step.error);
      if (step.ask) await this.askFor(step.ask);
      if (step.finish) {
        this.turn.finish = { reason: step.finish };
        this.emit({ type: "finished", reason: step.finish });
        return this.end("complete");
      }
    }
  }

  async askFor(call) {
    let decision = { decision: "once" };
    if (!this.conversation.settings.allowed?.includes(call.name)) {
      this.waiting = [call];
      this.emit({ type: "tool_waiting", call });
      decision = await new Promise((resolve) => (this.decide = resolve));
      this.waiting = [];
      this.emit({ type: "tool_decided", call_id: call.call_id, decision: { once: "yes", always: "always", deny: "no" }[decision.decision], reason: decision.reason });
    }
    const denied = decision.decision === "deny";
    this.emit({ type: "tool_started", call_id: call.call_id });
    this.emit({ type: "tool_finished", call_id: call.call_id, ms: 12, is_error: denied });
    this.finishTurn("complete");
    const content = [{ type: "text", text: denied ? `denied: ${decision.reason ?? "the user said no"}` : "1. sketch\n2. build\n3. ship" }];
    const tool = this.world.addTurn(this.conversation, { parent: this.turn.id, role: "tool", parts: [{ type: "tool_result", call_id: call.call_id, name: call.name, content, is_error: denied }], run: this.id });
    this.turn = this.world.addTurn(this.conversation, { parent: tool.id, role: "assistant", status: "running", model: this.model, run: this.id });
    this.keys = new Map();
    this.begun = performance.now();
    this.emit({ type: "turn_started", turn: structuredClone(this.turn) });
  }

  finishTurn(status, error = null) {
    const { turn } = this;
    turn.status = status;
    turn.error = error;
    turn.timings.total_ms = Math.max(1, Math.round(performance.now() - this.begun));
    if (turn.parts.some((part) => part.type === "reasoning")) turn.timings.thought_ms = 4000;
    turn.cost = this.model === "script" ? (turn.usage ? turn.usage.input * 3000 + turn.usage.output * 15_000 : 0) : null;
    turn.attempts.push({ model: this.model, started: this.started, ms: turn.timings.total_ms, error });
    this.emit({ type: "turn_ended", turn: structuredClone(turn) });
  }

  end(status, error = null) {
    if (this.over) return;
    this.over = true;
    this.finishTurn(status, error);
    if (status === "complete" || error) {
      if (this.turn.cost === null) this.conversation.cost_unknown += 1;
      else this.conversation.cost += this.turn.cost;
    }
    this.emit({ type: "run_ended", status, ...(error ? { error } : {}) });
    this.world.runOver(this);
  }
}
