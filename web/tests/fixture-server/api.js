// The REST calls. Each takes what it needs and gives `[status, body]`, or throws one.
import { createHash } from "node:crypto";
import { voiceOf } from "./voice.js";

const problem = (status, kind, message, hints = []) => [status, { error: { kind, message, hints } }];
const missing = () => problem(404, "invalid_request", "there is no such thing");
const keysOf = (world) => {
  const needed = world.models.rows.flatMap((row) => (row.keys ?? []).map((key) => ({ ...key, used_by: [row.id] })));
  const known = [...needed, { name: "weather", env: ["WEATHER_KEY"], help: "", required: false, used_by: ["script"] }];
  return known.map((key) => ({ name: key.name, from: world.keys.has(key.name) ? "stored" : null, env: key.env, help: key.help, required: key.required, used_by: key.used_by }));
};

function found(world, query) {
  const low = query.toLowerCase();
  const rows = [];
  for (const conversation of world.conversations.values()) {
    const texts = [[null, conversation.title ?? ""], ...world.turnsOf(conversation.id).map((turn) => [turn.id, turn.parts.map((part) => part.text ?? "").join("")])];
    const hit = texts.find(([, text]) => text.toLowerCase().includes(low));
    if (!hit) continue;
    const at = hit[1].toLowerCase().indexOf(low);
    const from = Math.max(0, at - 30);
    rows.push({ ...conversation, match: { turn: hit[0], text: hit[1].slice(from, at + 80), marks: [[at - from, at - from + low.length]] } });
  }
  return rows;
}

function context(world, conversation, query) {
  const path = world.path(query.get("parent"));
  const length = path.flatMap((turn) => turn.parts).reduce((sum, part) => sum + (part.text?.length ?? 0), 0);
  const card = world.models.get(query.get("model"))?.card;
  const tokens = Math.ceil(length / 4) + 8;
  const limit = card?.limits.context ?? null;
  const media = path.flatMap((turn) => turn.parts).filter((part) => part.type === "media").map((part) => part.mime.split("/")[0]);
  const lacks = [...new Set(media)].filter((kind) => card && !card.capabilities.input.includes(kind));
  const from = limit !== null && tokens > limit ? path.at(-2)?.id ?? null : null;
  return { tokens: Math.min(tokens, limit ?? tokens), estimated: true, limit, from, cost: card?.price ? tokens * (card.price.input / 1000) : null, lacks };
}

function usage(world, by) {
  const rows = new Map();
  const total = { key: "all", replies: 0, failed: 0, input: 0, output: 0, cached: 0, reasoning: 0, cost: 0, cost_unknown: 0 };
  for (const turn of world.turns.values()) {
    if (turn.role !== "assistant") continue;
    const key = by === "day" ? new Date(turn.created).toISOString().slice(0, 10) : turn.model;
    if (!rows.has(key)) rows.set(key, { ...total, key, replies: 0, failed: 0, input: 0, output: 0, cost: 0, cost_unknown: 0 });
    for (const row of [rows.get(key), total]) {
      row.replies += 1;
      row.failed += turn.status === "failed" ? 1 : 0;
      row.input += turn.usage?.input ?? 0;
      row.output += turn.usage?.output ?? 0;
      if (turn.cost === null) row.cost_unknown += 1;
      else row.cost += turn.cost;
    }
  }
  return { rows: [...rows.values()], total };
}

const log = () => [{ at: Date.now() - 4000, stream: "host", text: "started" }, { at: Date.now() - 3000, stream: "stdout", text: "loading the model <b>now</b>" }, { at: Date.now(), stream: "stderr", text: 'File "script.py", line 3\nModuleNotFoundError: no module named missing_thing' }];

const plugin = (world, name) => world.models.rows.find((row) => row.source.plugin === name);

export const routes = [
  ["GET", "/health", () => [200, { ok: true, version: "0.1.0" }]],
  ["GET", "/models", (world) => [200, { revision: world.models.revision, default: world.models.default, rows: world.models.rows }]],
  ["GET", "/models/:id", (world, { id }) => (world.models.get(id) ? [200, world.models.get(id)] : missing())],
  ["GET", "/settings", (world) => [200, world.settings]],
  ["PATCH", "/settings", (world, _, { body }) => (Object.assign(world.settings, body), world.all({ type: "settings", settings: world.settings }), [200, world.settings])],
  ["GET", "/keys", (world) => [200, { rows: keysOf(world) }]],
  ["PUT", "/keys/:name", (world, { name }, { body }) => {
    if (body.value.length < 3) return problem(400, "invalid_request", "this is too short for a key");
    world.keys.set(name, body.value);
    const rows = world.models.rows.filter((row) => row.keys?.some((key) => key.name === name)).map((row) => ({ ...row, keys: [], state: { state: "ready" } }));
    if (rows.length > 0) world.models.put(rows);
    return [204];
  }],
  ["DELETE", "/keys/:name", (world, { name }) => (world.keys.delete(name), [204])],
  ["GET", "/plugins", (world) => [200, { folders: [{ path: "~/.local/share/consort/plugins", trusted: true }, { path: "./llm_plugins", trusted: false }], rows: world.models.rows.filter((row) => row.source.plugin).map((row) => ({ name: row.source.plugin, path: row.source.path, folder: "llm_plugins", dialect: row.source.dialect, state: row.state, place: row.place, hints: row.hints, models: row.card ? [row.id] : [], trusted: !row.untrusted, keys: row.keys ?? [], grants: row.id === "script" ? ["weather"] : [], about: row.about, packages: [], failed: row.id === "script" ? "script.py:7: KeyError: 'gone'" : null })) }]],
  ["POST", "/plugins/:name/reload", (world, { name }) => {
    const row = plugin(world, name);
    if (!row) return missing();
    world.models.put([{ ...row, state: { state: "loading" } }]);
    setTimeout(() => (row.file ? world.models.scan() : world.models.put([row])), 200);
    return [202];
  }],
  ["GET", "/plugins/:name/log", () => [200, { lines: log(), truncated: true }]],
  ["POST", "/plugins/:name/trust", (world, { name }) => {
    const row = plugin(world, name);
    if (!row) return missing();
    world.models.put([{ ...row, untrusted: false, state: { state: "ready" }, card: { ...world.models.get("demo").card, id: row.id, name: row.name, provider: row.id } }]);
    return [202];
  }],
  ["PUT", "/plugins/:name/grants", () => [204]],
  ["GET", "/routes", () => [200, { rows: [{ id: "fast", name: "fast", policy: "fallback", targets: [{ model: "acme/large", state: { state: "ready" }, resting_until: Date.now() + 60_000, last_error: { kind: "rate_limit", message: "too many requests" } }, { model: "demo", state: { state: "ready" } }], limits: ["60 requests a minute"], budget: { spent: 1_200_000_000, limit: 5_000_000_000, resets: Date.now() } }] }]],
  ["GET", "/usage", (world, _, { query }) => [200, usage(world, query.get("by"))]],
  ["GET", "/tools", () => [200, { rows: [{ name: "read_file", source: "files", description: "Reads a text file.", parameters: {}, approval: "ask" }] }]],
  ["GET", "/prompts", (world) => [200, { rows: world.prompts }]],
  ["POST", "/prompts", (world, _, { body }) => {
    const row = { id: `p${Date.now()}`, ...body, updated: Date.now() };
    world.prompts.push(row);
    return [201, row];
  }],
  ["PUT", "/prompts/:id", (world, { id }, { body }) => {
    const row = world.prompts.find((one) => one.id === id);
    return row ? [200, Object.assign(row, body)] : missing();
  }],
  ["DELETE", "/prompts/:id", (world, { id }) => ((world.prompts = world.prompts.filter((row) => row.id !== id)), [204])],
  ["GET", "/conversations", (world, _, { query }) => {
    const text = query.get("query");
    const rows = text ? found(world, text) : [...world.conversations.values()].sort((a, b) => Number(b.pinned) - Number(a.pinned) || b.order - a.order);
    return [200, { rows, next: null }];
  }],
  ["POST", "/conversations", (world, _, { body }) => [201, world.addConversation(body)]],
  ["GET", "/conversations/:id", (world, { id }) => {
    const conversation = world.conversations.get(id);
    if (!conversation) return problem(404, "invalid_request", "there is no such conversation");
    return [200, { conversation, turns: world.turnsOf(id), runs: [...world.runs.values()].filter((run) => !run.over && run.conversation.id === id).map((run) => run.view()) }];
  }],
  ["PATCH", "/conversations/:id", (world, { id }, { body }) => {
    const conversation = world.conversations.get(id);
    if (!conversation) return missing();
    const { revision, ...fields } = body;
    if (revision !== undefined && revision !== conversation.revision) return [409, { ...problem(409, "invalid_request", "it was changed somewhere else meanwhile")[1], current: conversation }];
    return [200, world.changed(conversation, fields)];
  }],
  ["DELETE", "/conversations/:id", (world, { id }) => {
    const conversation = world.conversations.get(id);
    if (!conversation) return missing();
    world.deleted.set(id, conversation);
    world.conversations.delete(id);
    world.all({ type: "conversation_removed", conversation: id });
    return [200, { restore_until: Date.now() + 30_000 }];
  }],
  ["POST", "/conversations/:id/restore", (world, { id }) => {
    const conversation = world.deleted.get(id);
    if (!conversation) return missing();
    world.conversations.set(id, conversation);
    return [200, world.changed(conversation)];
  }],
  ["GET", "/conversations/:id/export", (world, { id }) => [200, { conversation: world.conversations.get(id), turns: world.turnsOf(id) }]],
  ["GET", "/conversations/:id/context", (world, { id }, { query }) => [200, context(world, world.conversations.get(id), query)]],
  ["POST", "/attachments", (world, _, { raw, query, type }) => {
    const id = createHash("sha256").update(raw).digest("hex");
    world.files.set(id, { raw, type });
    return [201, { id, mime: type, name: query.get("name"), bytes: raw.length }];
  }],
  // For tests only.
  ["POST", "/test/voice", (world, _, { body }) => ((world.voice = voiceOf(body)), [204])],
  ["POST", "/test/hangup", (world) => ([...world.talks.values()].forEach((talk) => talk.socket?.terminate()), [204])],
  ["POST", "/test/restart", (world) => (world.restart(), [204])],
  ["POST", "/test/drop", (world) => ([...world.tabs].forEach((tab) => tab.close()), [204])],
  ["POST", "/test/fill", (world, _, { body }) => {
    const conversation = world.addConversation({ title: body.title ?? "Filled", model: "script", ...body.fields });
    let parent = null;
    for (const { role, text, ...more } of body.turns) parent = world.addTurn(conversation, { parent, role, parts: [{ type: "text", text }], model: role === "assistant" ? "script" : null, ...more }).id;
    return [200, conversation];
  }],
];
