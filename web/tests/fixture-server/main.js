// A server that plays docs/reference/chat-api.md from memory, for developing the page and testing it.
// node tests/fixture-server/main.js [--port N] [--plugins DIR] [--token T] [--dist DIR] [--together MS]
import { createServer } from "node:http";
import { mkdtempSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { WebSocketServer } from "ws";
import { routes } from "./api.js";
import { attach } from "./live.js";
import { talk } from "./voice.js";
import { World } from "./world.js";

const option = (name, fallback) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : process.argv[at + 1];
};
const dist = option("dist", fileURLToPath(new URL("../../dist", import.meta.url)));
const token = option("token", null);
const world = new World(option("plugins", mkdtempSync(join(tmpdir(), "plugins-"))));
await world.models.scan();

const CSP = "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; font-src 'self'; img-src 'self' blob:; media-src 'self' blob:; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".woff2": "font/woff2" };

const matcher = (pattern) => new RegExp(`^/api${pattern.replace(/:(\w+)/g, "(?<$1>[^/]+)")}$`);
const table = routes.map(([method, pattern, run]) => ({ method, test: matcher(pattern), run }));

function allowed(request) {
  const { host, origin, cookie = "", authorization = "" } = request.headers;
  if (origin && new URL(origin).host !== host) return [403, "permission", "another site's page may not ask this"];
  if (token && !cookie.includes(`consort_token=${token}`) && authorization !== `Bearer ${token}`) return [401, "auth", "This server wants a token"];
  return null;
}

const send = (response, status, body, headers = {}) => {
  response.writeHead(status, { "Content-Type": "application/json", "X-Content-Type-Options": "nosniff", ...headers });
  response.end(body === undefined ? "" : Buffer.isBuffer(body) ? body : JSON.stringify(body));
};

async function body(request) {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  return Buffer.concat(pieces);
}

async function api(request, response, url) {
  if (url.pathname === "/api/token") {
    const given = JSON.parse(String(await body(request))).token;
    if (given !== token) return send(response, 401, { error: { kind: "auth", message: "This is not the token" } });
    return send(response, 204, undefined, { "Set-Cookie": `consort_token=${token}; HttpOnly; SameSite=Strict; Path=/` });
  }
  const no = allowed(request);
  if (no) return send(response, no[0], { error: { kind: no[1], message: no[2] } });
  const file = /^\/api\/attachments\/(\w+)$/.exec(url.pathname);
  if (file && world.files.has(file[1])) return send(response, 200, world.files.get(file[1]).raw, { "Content-Type": world.files.get(file[1]).type, "Content-Security-Policy": "sandbox; default-src 'none'" });
  for (const { method, test, run } of table) {
    const found = method === request.method && test.exec(url.pathname);
    if (!found) continue;
    const upload = url.pathname === "/api/attachments";
    if (upload && Number(request.headers["content-length"]) > world.settings.limits.attachment_bytes) return send(response, 413, { error: { kind: "invalid_request", message: "too big" } });
    const raw = method === "GET" ? Buffer.alloc(0) : await body(request);
    const names = Object.fromEntries(Object.entries(found.groups ?? {}).map(([name, value]) => [name, decodeURIComponent(value)]));
    const [status, answer] = run(world, names, { raw, body: upload || raw.length === 0 ? {} : JSON.parse(String(raw)), query: url.searchParams, type: request.headers["content-type"] });
    return send(response, status, answer);
  }
  send(response, 404, { error: { kind: "invalid_request", message: "there is no such path" } });
}

async function page(request, response, url) {
  if (token && url.searchParams.get("token") === token) {
    return send(response, 303, undefined, { Location: url.pathname, "Set-Cookie": `consort_token=${token}; HttpOnly; SameSite=Strict; Path=/` });
  }
  const path = normalize(join(dist, url.pathname));
  const isFile = path.startsWith(dist) && extname(path) in TYPES;
  const content = await readFile(isFile ? path : join(dist, "index.html")).catch(() => null);
  if (content === null) return send(response, 404, { error: { kind: "invalid_request", message: "there is no such file; was the page built?" } });
  response.writeHead(200, { "Content-Type": TYPES[isFile ? extname(path) : ".html"], "Content-Encoding": "gzip", "Content-Security-Policy": CSP, "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff" });
  response.end(gzipSync(content));
}

const server = createServer((request, response) => {
  const url = new URL(request.url ?? "/", "http://localhost");
  (url.pathname.startsWith("/api/") ? api : page)(request, response, url).catch((error) => {
    send(response, 500, { error: { kind: "server", message: String(error) } });
  });
});
const sockets = new WebSocketServer({ noServer: true });
server.on("upgrade", (request, socket, head) => {
  if (allowed(request) || !request.headers.origin) return socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
  sockets.handleUpgrade(request, socket, head, (opened) =>
    request.url?.startsWith("/api/voice") ? talk(world, opened) : attach(world, opened, Number(option("together", 40))));
});
server.listen(Number(option("port", 7777)), "127.0.0.1", () => console.log(`listening on http://127.0.0.1:${server.address().port}`));
