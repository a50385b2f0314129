#!/usr/bin/env node
// A plugin in JavaScript, without packages: the protocol and nothing else. It says back what it was told.
//
// Copy it into a plugin folder. The block below is its manifest; Consort reads it without running the file.
//
// /// llm-plugin
// protocol = 1
// run = ["node", "{file}"]
// name = "Echo (Node)"
// ///
import { createInterface } from "node:readline";

// stdout belongs to the protocol. From here on console.log lands in the plugin's log.
const write = process.stdout.write.bind(process.stdout);
console.log = console.info = console.error;

const send = (message) => write(JSON.stringify({ jsonrpc: "2.0", ...message }) + "\n");
const events = (request, ...some) => send({ method: "generate/event", params: { request, events: some } });

/** What went wrong, in the protocol's words. */
class Refused extends Error {
  constructor(code, message, kind) {
    super(message);
    this.error = { code, message, data: { kind } };
  }
}

/** How to stop the requests that are open. */
const stops = new Map();

const methods = {
  initialize(_request, { protocolVersion }) {
    if (!(protocolVersion >= 1)) {
      throw new Refused(-32001, "this plugin speaks version 1 of the protocol", "protocol");
    }
    return { protocolVersion: 1, plugin: { name: "Echo (Node)" }, capabilities: { generate: true } };
  },

  // Without a key, and without network. Only the id is needed.
  "models/list": () => ({
    models: [
      {
        id: "echo-js",
        name: "Echo (Node)",
        capabilities: { stream: true, tools: false, structuredOutput: "none", input: ["text"] },
        optionsSchema: {
          type: "object",
          properties: { pause_ms: { type: "integer", minimum: 0, description: "Waits between words" } },
          additionalProperties: false,
        },
      },
    ],
  }),

  async generate(request, { model, messages, options = {} }) {
    if (model !== "echo-js") throw new Refused(-32020, `there is no model ${model}`, "model_not_found");
    const stop = new AbortController(); // hand its signal to fetch() in a plugin that calls an API
    stops.set(request, stop);
    const user = messages.findLast((message) => message.role === "user");
    const text = (user?.content ?? []).map((part) => part.text ?? "").join("");
    const words = text.split(" ");
    for (const word of words) {
      // Awaiting lets cancel and ping be heard between words.
      await new Promise((go) => setTimeout(go, options.pause_ms ?? 0));
      // Whoever asked may have gone. The request is still answered.
      if (stop.signal.aborted) return { finishReason: "cancelled" };
      events(request, { type: "text", text: word + " " });
    }
    return { finishReason: "stop", usage: { inputTokens: words.length, outputTokens: words.length } };
  },

  ping: () => ({}),
  shutdown: () => ({}),
};

/** Answers one request, whatever happens. */
async function answer(id, method, params) {
  try {
    send({ id, result: await methods[method](id, params) });
  } catch (error) {
    // The author's mistake: say which, and go on.
    const bug = { code: -32020, message: String(error), data: { kind: "plugin_bug", traceback: error?.stack } };
    send({ id, error: error instanceof Refused ? error.error : bug });
  } finally {
    stops.delete(id);
  }
}

createInterface({ input: process.stdin }).on("line", (line) => {
  let message;
  try {
    message = JSON.parse(line);
  } catch {
    return send({ id: null, error: { code: -32700, message: "a line is no JSON" } });
  }
  const { id, method, params = {} } = message;
  if (method === "cancel") return stops.get(params.request)?.abort();
  // A notification that we do not know, or an answer that we did not ask for.
  if (id === undefined || method === undefined) return;
  if (!Object.hasOwn(methods, method)) {
    return send({ id, error: { code: -32601, message: `there is no method ${method}` } });
  }
  answer(id, method, params);
});
// The end of stdin ends the process: nothing is left to wait for.
