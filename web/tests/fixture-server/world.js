// All that the fixture server remembers.
import { Models } from "./models.js";
import { Run } from "./runs.js";
import { voiceOf } from "./voice.js";

let next = 1;
const id = (kind) => `${kind}${next++}`;

export class World {
  constructor(folder) {
    this.boot = id("boot");
    this.order = 0;
    this.conversations = new Map();
    this.turns = new Map();
    this.runs = new Map();
    this.keys = new Map();
    this.tabs = new Set();
    this.starts = new Map();
    this.deleted = new Map();
    this.files = new Map();
    this.prompts = [{ id: "p1", name: "review", text: "Review this change. Be brief and kind.", updated: Date.now() }, { id: "p2", name: "translate", text: "Translate into English:", updated: Date.now() }];
    this.settings = { version: "0.1.0", default_model: null, pins: ["script"], recent: [], system: "", titles: true, limits: { attachment_bytes: 33_554_432, attachments: 16, message_chars: 2_000_000 } };
    this.voice = voiceOf({});
    this.talks = new Map();
    this.models = new Models(folder, (message) => this.all(message));
  }

  all(message) {
    for (const tab of this.tabs) tab.send(message);
  }

  tell(conversation, message) {
    for (const tab of this.tabs) if (tab.watched.has(conversation)) tab.send(message);
  }

  addConversation(fields = {}) {
    const now = Date.now();
    const made = { id: id("c"), title: null, titled: null, pinned: false, created: now, updated: now, revision: 1, order: ++this.order, model: null, head: null, settings: {}, turns: 0, cost: 0, cost_unknown: 0, running: false, ...fields };
    this.conversations.set(made.id, made);
    this.all({ type: "conversation", conversation: made });
    return made;
  }

  changed(conversation, fields = {}) {
    const { settings, ...others } = fields;
    const moves = ["title", "head", "model"].some((name) => name in fields) || settings;
    Object.assign(conversation, others, { revision: conversation.revision + 1, settings: { ...conversation.settings, ...settings } });
    if (moves) conversation.order = ++this.order;
    this.all({ type: "conversation", conversation: { ...conversation } });
    return conversation;
  }

  addTurn(conversation, fields) {
    const turn = { id: id("t"), conversation: conversation.id, parent: null, role: "user", created: Date.now(), parts: [], status: "complete", model: null, resolved_model: null, run: null, group: null, usage: null, cost: null, timings: {}, finish: null, attempts: [], warnings: [], error: null, ...fields };
    this.turns.set(turn.id, turn);
    this.tell(conversation.id, { type: "turn", turn: structuredClone(turn) });
    this.changed(conversation, { head: turn.id, turns: conversation.turns + 1, updated: Date.now() });
    return turn;
  }

  turnsOf(conversation) {
    return [...this.turns.values()].filter((turn) => turn.conversation === conversation);
  }

  path(head) {
    const path = [];
    for (let turn = this.turns.get(head); turn; turn = this.turns.get(turn.parent)) path.unshift(turn);
    return path;
  }

  start({ conversation: cid, key, parent, user, models }) {
    const before = this.starts.get(key);
    if (before) return before;
    const conversation = this.conversations.get(cid);
    if (!conversation) throw { kind: "invalid_request", message: "there is no such conversation" };
    for (const model of models) {
      const row = this.models.get(model);
      if (!row) throw { kind: "model_not_found", message: `no plugin or model named '${model}'`, hints: ["consort models"] };
      if (row.state.state !== "ready") throw { kind: "setup", message: `${model} is ${row.state.state}`, hints: [] };
    }
    const asked = user ? this.addTurn(conversation, { parent, parts: user.parts }) : null;
    if (asked && !conversation.title) this.changed(conversation, { title: (user.parts.find((part) => part.text)?.text ?? "Files").slice(0, 40), titled: "auto" });
    const below = asked?.id ?? parent;
    // A run below a reply goes on with it.
    const carry = this.turns.get(below)?.role === "assistant";
    const group = models.length > 1 ? id("g") : null;
    const message = this.path(below).findLast((turn) => turn.role === "user")?.parts.map((part) => part.text ?? "").join("") ?? "";
    const runs = models.map((model) => {
      const turn = this.addTurn(conversation, { parent: below, role: "assistant", status: "running", model, group });
      const run = new Run(this, { conversation, turn, model, message, carry });
      this.runs.set(run.id, run);
      return { run, turn: structuredClone(turn) };
    });
    this.changed(conversation, { running: true, head: runs[0].turn.id });
    const answer = { user: asked, runs: runs.map(({ run, turn }) => ({ run: run.id, turn })) };
    this.starts.set(key, answer);
    for (const { run } of runs) setTimeout(() => void run.play(), 5);
    return answer;
  }

  allow({ conversation, waiting }) {
    this.changed(conversation, { settings: { allowed: [...(conversation.settings.allowed ?? []), ...waiting.map((call) => call.name)] } });
  }

  runOver({ conversation }) {
    const running = [...this.runs.values()].some((run) => !run.over && run.conversation === conversation);
    this.changed(conversation, { running, updated: Date.now() });
  }

  /** As if the program was killed and started again: what ran is interrupted, and its events are gone. */
  restart() {
    this.boot = id("boot");
    for (const run of this.runs.values()) {
      if (run.over) continue;
      run.over = run.stopped = true;
      Object.assign(run.turn, { status: "interrupted", run: null });
      run.conversation.running = false;
      run.conversation.revision += 1;
    }
    this.runs.clear();
    for (const tab of [...this.tabs]) tab.close();
  }
}
