// Rows of models: some that are always there, and one for each file in the plugins folder.
import { watch } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

const yes = (input = ["text"], more = {}) => ({ input, output: [], tools: "yes", schema: "unknown", reasoning: "no", streaming: "yes", ...more });
const card = (id, capabilities, more = {}) => ({ id, provider: id.split("/")[0], name: id.split("/").at(-1), kind: "chat", capabilities, limits: { context: 200_000, output: 8192 }, ...more });
const options = {
  type: "object",
  properties: {
    top_k: { type: "integer", title: "Top k", minimum: 1, maximum: 100, default: 40, description: "How many words are considered." },
    style: { type: "string", enum: ["plain", "florid"], description: "How to write." },
    careful: { type: "boolean", default: false },
    stop_words: { anyOf: [{ type: "array", items: { type: "string" } }, { type: "null" }] },
  },
};

export function fixed() {
  return [
    { id: "script", name: "script", card: card("script", yes(["text", "image", "pdf"], { reasoning: "yes" }), { title: "Plays scenes", options, price: { input: 3_000_000, output: 15_000_000, source: "2026-11-01, example" } }), source: { kind: "plugin", plugin: "script", path: "llm_plugins/script.py", dialect: "drop_in" }, state: { state: "ready" }, about: "Plays the scenes of the tests.\n\nSay `#code`, `#tool` or `#slow`.", measured: { first_ms: 420, tokens_per_second: 88.1, runs: 5, at: Date.now() } },
    { id: "demo", name: "demo", card: card("demo", yes(["text"], { tools: "no" }), { limits: { context: 8000, output: null } }), source: { kind: "builtin" }, state: { state: "ready" }, offline: true, about: "Answers without a network.", measured: { first_ms: 0.2, tokens_per_second: null, runs: 3, at: Date.now() } },
    { id: "acme/large", name: "acme/large", card: card("acme/large", yes(["text", "image", "audio"]), { price: { input: 250_000, output: 1_250_000, source: "" } }), source: { kind: "hosted" }, state: { state: "needs_setup", missing: "the key acme" }, keys: [{ name: "acme", env: ["ACME_API_KEY"], command: [], secret: true, required: true, help: "https://example.org/keys" }] },
    { id: "borrowed", name: "borrowed", card: null, source: { kind: "plugin", plugin: "borrowed", path: "./llm_plugins/borrowed.py", dialect: "drop_in" }, state: { state: "needs_setup", missing: "your trust" }, untrusted: true },
    { id: "<img src=x onerror=window.hacked=30>", name: "<img src=x onerror=window.hacked=30>", card: card("evil/<b>", yes(), { title: "<script>window.hacked=31</script>" }), source: { kind: "plugin", plugin: "<svg onload=window.hacked=32>", path: "<a href=javascript:1>", dialect: "llm" }, state: { state: "ready" }, about: "<script>window.hacked=33</script>" },
  ];
}

/** A file's row, by what a glance at its text tells. */
function rowOf(file, text) {
  const name = file.replace(/\.py$/, "");
  const source = { kind: "plugin", plugin: name, path: `llm_plugins/${file}`, dialect: "drop_in" };
  const lines = text.split("\n");
  const at = lines.findIndex((line) => /import missing_|^def broken\($/.test(line));
  if (at >= 0) {
    const reason = lines[at].startsWith("def") ? "'(' was never closed" : `no module named '${lines[at].trim().split(" ")[1]}'`;
    return { id: name, name, card: null, source, state: { state: "broken", reason: `llm_plugins/${file}:${at + 1}: ${reason}` }, place: { file: `llm_plugins/${file}`, line: at + 1 }, hints: [`consort plugins check llm_plugins/${file}`] };
  }
  const about = /^"""([\s\S]*?)"""/.exec(text)?.[1]?.trim() ?? null;
  return { id: name, name, card: card(name, yes(["text"], { tools: "no" }), { limits: { context: null, output: null } }), source, state: { state: "ready" }, about };
}

export class Models {
  constructor(folder, changed) {
    this.folder = folder;
    this.changed = changed;
    this.revision = 1;
    this.rows = fixed();
    this.default = "script";
    watch(folder, () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.scan(), 60);
    });
  }

  get(id) {
    return this.rows.find((row) => row.id === id);
  }

  async scan() {
    const files = (await readdir(this.folder)).filter((file) => file.endsWith(".py"));
    const found = await Promise.all(files.map(async (file) => rowOf(file, await readFile(join(this.folder, file), "utf8").catch(() => ""))));
    const fresh = new Map(found.map((row) => [row.id, row]));
    const rows = [];
    for (const row of this.rows.filter((row) => row.file)) {
      if (fresh.has(row.id)) continue;
      rows.push({ ...row, state: { state: "missing", reason: "its file is gone" } });
    }
    for (const row of found) {
      const before = this.get(row.id);
      const next = { ...row, file: true };
      if (JSON.stringify(before) !== JSON.stringify(next)) rows.push(next);
    }
    if (rows.length > 0) this.put(rows);
  }

  put(rows) {
    this.revision += 1;
    for (const row of rows) {
      const at = this.rows.findIndex((one) => one.id === row.id);
      if (at < 0) this.rows.push(row);
      else this.rows[at] = row;
    }
    this.changed({ type: "models", revision: this.revision, rows, removed: [], default: this.default });
  }
}
