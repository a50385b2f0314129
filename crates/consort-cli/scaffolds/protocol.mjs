// /// llm-plugin
// protocol = 1
// ///
// @NAME@: a plugin that speaks the plugin protocol itself, without any library.
import { createInterface } from "node:readline";

// The protocol has stdout for itself: console.log lands in the log.
const send = (message) => process.stdout.write(JSON.stringify({ jsonrpc: "2.0", ...message }) + "\n");
console.log = console.error;

const answer = (request, params) => {
  const last = params.messages.at(-1).content;
  const text = last.filter((part) => part.type === "text").map((part) => part.text).join(" ");
  for (const word of ["heard:", ...text.split(/\s+/)]) {
    send({ method: "generate/event", params: { request, events: [{ type: "text", text: word + " " }] } });
  }
  send({ id: request, result: { finishReason: "stop" } });
};

createInterface({ input: process.stdin })
  .on("line", (line) => {
    const { id, method, params = {} } = JSON.parse(line);
    if (method === "initialize") {
      send({ id, result: { protocolVersion: 1, plugin: { name: "@NAME@" }, capabilities: { generate: true } } });
    } else if (method === "models/list") {
      const capabilities = { stream: true, tools: false, structuredOutput: "none", input: ["text"] };
      send({ id, result: { models: [{ id: "@NAME@", capabilities }] } });
    } else if (method === "generate") {
      answer(id, params);
    } else if (method === "ping" || method === "shutdown") {
      send({ id, result: {} });
    } else if (id !== undefined) {
      send({ id, error: { code: -32601, message: "unknown method" } });
    }
  })
  .on("close", () => process.exit(0));
