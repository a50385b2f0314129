// A hosted API that speaks the Chat Completions wire: what a question names in brackets is what it answers.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { EVIL, PROSE } from "../fixture-server/script.js";

export interface Vendor {
  url: string;
  /** The bodies of all requests so far. */
  asked: Asked[];
  close: () => void;
}

interface Asked {
  model: string;
  messages: { role: string; content: unknown }[];
  temperature?: number;
  tools?: { function: { name: string } }[];
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const textOf = (content: unknown): string =>
  typeof content === "string" ? content : Array.isArray(content) ? content.map((part: { text?: string }) => part.text ?? "").join("") : "";

async function answer(request: IncomingMessage, response: ServerResponse, asked: Asked[]): Promise<void> {
  if (request.method === "GET") return void response.end(JSON.stringify({ object: "list", data: [{ id: "large" }, { id: "tiny" }] }));
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  const body = JSON.parse(String(Buffer.concat(pieces))) as Asked;
  asked.push(body);
  if (!request.headers.authorization?.endsWith("good-key")) {
    response.writeHead(401, { "Content-Type": "application/json" });
    return void response.end(JSON.stringify({ error: { message: "this key is not known", type: "invalid_request_error", code: "invalid_api_key" } }));
  }
  const question = textOf(body.messages.findLast(({ role }) => role === "user")?.content);
  if (question.includes("[busy]")) {
    response.writeHead(429, { "Content-Type": "application/json", "Retry-After": "700" });
    return void response.end(JSON.stringify({ error: { message: "20 requests a minute", type: "requests", code: "rate_limit_exceeded" } }));
  }
  response.writeHead(200, { "Content-Type": "text/event-stream" });
  const say = (delta: object, finish: string | null = null): void => {
    const chunk = { id: "r", object: "chat.completion.chunk", model: `${body.model}-1`, choices: [{ index: 0, delta, finish_reason: finish }] };
    response.write(`data: ${JSON.stringify(chunk)}\n\n`);
  };
  const done = (finish: string): void => {
    say({}, finish);
    response.write(`data: ${JSON.stringify({ id: "r", object: "chat.completion.chunk", model: `${body.model}-1`, choices: [], usage: { prompt_tokens: 100, completion_tokens: 20, total_tokens: 120 } })}\n\n`);
    response.end("data: [DONE]\n\n");
  };
  const tool = /\[tool (\S*)\]/.exec(question)?.[1];
  if (tool !== undefined && body.messages.at(-1)?.role !== "tool") {
    const name = body.tools?.map((one) => one.function.name).find((one) => one.includes(tool)) ?? tool;
    say({ role: "assistant", tool_calls: [{ index: 0, id: "call_1", type: "function", function: { name, arguments: '{"path": "notes/<b>plan</b>.txt"}' } }] });
    return done("tool_calls");
  }
  let text = `You said: ${question}`;
  if (body.messages.at(-1)?.role === "tool") text = `The tool said: ${textOf(body.messages.at(-1)?.content)}`;
  else if (question.includes("[evil]")) text = EVIL;
  else if (question.includes("[code]")) text = PROSE;
  else if (question.includes("[slow]")) text = "word ".repeat(600);
  else if (question.includes("[right to left]")) text = "שלום! זו תשובה מימין לשמאל.\n\nAnd one from the left. 👋🏽👨‍👩‍👧";
  for (const word of text.match(/\S+\s*|\s+/g) ?? []) {
    if (response.closed) return;
    say({ content: word });
    if (question.includes("[slow]")) await sleep(25);
  }
  done("stop");
}

export function vendor(): Promise<Vendor> {
  const asked: Asked[] = [];
  const server = createServer((request, response) => void answer(request, response, asked).catch(() => response.destroy()));
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" && address ? address.port : 0;
      resolve({ url: `http://127.0.0.1:${port}`, asked, close: () => void server.close() });
    });
  });
}
