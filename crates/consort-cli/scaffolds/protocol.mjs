// /// llm-plugin
// protocol = 1
// ///
// @NAME@: a plugin that speaks the plugin protocol itself, without any library.
import { createInterface } from "node:readline";

// The protocol has stdout for itself: console.log lands in the log.
const send = (message) => process.stdout.write(JSON.stringify({ jsonrpc: "2.0", ...message }) + "\n");
console.log = console.info = console.error;

/** The answers that are being given, each with what stops it: hand its signal to fetch(). */
const stops = new Map();

/** Streams an answer, word by word. */
async function generate(request, params) {
  const last = params.messages.at(-1).content;
  const text = last.filter((part) => part.type === "text").map((part) => part.text).join(" ");
  for (const word of ["heard:", ...text.split(/\s+/)]) {
    // The next request and `cancel` are heard while something is awaited.
    await new Promise((go) => setImmediate(go));
    if (stops.get(request).signal.aborted) return { finishReason: "cancelled" };
    send({ method: "generate/event", params: { request, events: [{ type: "text", text: word + " " }] } });
  }
  return { finishReason: "stop" };
}

const capabilities = { stream: true, tools: false, structuredOutput: "none", input: ["text"] };
const methods = {
  initialize: () => ({ protocolVersion: 1, plugin: { name: "@NAME@" }, capabilities: { generate: true } }),
  "models/list": () => ({ models: [{ id: "@NAME@", capabilities }] }),
  generate,
  ping: () => ({}),
  shutdown: () => ({}),
};

/** Answers one request, whatever happens: a mistake ends this answer, and not the plugin. */
async function answer(id, method, params) {
  stops.set(id, new AbortController());
  try {
    send({ id, result: await methods[method](id, params) });
  } catch (error) {
    send({ id, error: { code: -32020, message: String(error), data: { kind: "plugin_bug", traceback: error?.stack } } });
  } finally {
    stops.delete(id);
  }
}

createInterface({ input: process.stdin })
  .on("line", (line) => {
    const { id, method, params = {} } = JSON.parse(line);
    if (method === "cancel") stops.get(params.request)?.abort();
    else if (id === undefined || method === undefined) return;
    else if (Object.hasOwn(methods, method)) answer(id, method, params);
    else send({ id, error: { code: -32601, message: `there is no method ${method}` } });
  })
  .on("close", () => process.exit(0));
