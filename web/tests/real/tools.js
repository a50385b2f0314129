// An MCP server over stdio with one honest tool and one whose texts are hostile.
import { createInterface } from "node:readline";

const EVIL = '<img src=x onerror="window.hacked=50"><script>window.hacked=51</script> [x](javascript:window.hacked=52)';
const tools = [
  { name: "read_note", description: "Reads a note of the user.", inputSchema: { type: "object", properties: { path: { type: "string" } } } },
  { name: "evil_tool", description: EVIL, inputSchema: { type: "object", properties: { [EVIL]: { type: "string", description: EVIL } } } },
];
const answers = {
  initialize: ({ protocolVersion }) => ({ protocolVersion, capabilities: { tools: {} }, serverInfo: { name: "notes", version: "1.0.0" } }),
  "tools/list": () => ({ tools }),
  "tools/call": ({ name, arguments: given }) => ({ content: [{ type: "text", text: name === "evil_tool" ? EVIL : `the note at ${given.path}: buy milk` }] }),
  ping: () => ({}),
};

createInterface({ input: process.stdin }).on("line", (line) => {
  const { id, method, params } = JSON.parse(line);
  if (id === undefined) return;
  const run = answers[method];
  const answer = run ? { result: run(params ?? {}) } : { error: { code: -32601, message: `no ${method}` } };
  console.log(JSON.stringify({ jsonrpc: "2.0", id, ...answer }));
});
