// What models, plugins, tools, files and other sites write does nothing but stand there, on the real server.
import { createHash } from "node:crypto";
import { mkdtempSync, writeFileSync } from "node:fs";
import { createServer, request as rawRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { at, choose, closeAll, pill, post, replies, send, useBrowser, visit } from "../browser/browser";
import { EVIL } from "../fixture-server/script.js";
import { dropIn, type Server, serve } from "./server";
import { type Vendor, vendor } from "./vendor";

let server: Server;
let acme: Vendor;
const NAME = '<img src=x onerror="window.hacked=60">';
useBrowser();
beforeAll(async () => {
  acme = await vendor();
  server = await serve({ vendor: acme.url, tools: true, project: { "evil_project.py": dropIn("return 'x'", "", NAME) } });
  at(server.url);
  writeFileSync(join(server.plugins, "evil_doc.py"), dropIn("return user_message", "", `${NAME}<script>window.hacked=61</script>`));
  writeFileSync(join(server.plugins, `${NAME.replaceAll("/", "")}.py`), dropIn("return user_message"));
  writeFileSync(join(server.plugins, "evil_error.py"), `raise ValueError('${NAME}')\n${dropIn("return 1")}`);
  await fetch(`${server.url}/api/keys/acme`, { method: "PUT", body: '{"value":"good-key"}', headers: { "Content-Type": "application/json" } });
});
afterEach(closeAll);
afterAll(async () => {
  acme?.close();
  await server?.kill();
});

/** A page that counts what a script would do: requests to elsewhere, dialogs, new windows, and its own traces. */
async function guarded(path = "/"): Promise<{ page: Page & { problems: string[] }; done: () => Promise<void> }> {
  const page = await visit(path);
  const seen: string[] = [];
  page.on("request", (request) => {
    if (!request.url().startsWith(server.url) && /^(https?|wss?|data):/.test(request.url())) seen.push(request.url());
  });
  page.on("dialog", (dialog) => {
    seen.push(`dialog ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("popup", (popup) => seen.push(`window ${popup.url()}`));
  const done = async (): Promise<void> => {
    await page.waitForTimeout(300);
    expect(await page.evaluate(() => (window as unknown as { hacked?: number }).hacked)).toBeUndefined();
    const tags = await page.evaluate(() => [...document.querySelectorAll("main script,iframe,form[action],base,object,embed,main style,foreignObject,math img,main link,meta[http-equiv=refresh]")].map((one) => one.outerHTML));
    expect(tags).toEqual([]);
    const handlers = await page.evaluate(() => [...document.querySelectorAll("*")].filter((one) => [...one.attributes].some(({ name }) => name.startsWith("on"))).map((one) => one.outerHTML));
    expect(handlers).toEqual([]);
    const links = await page.evaluate(() => [...document.querySelectorAll("a")].map((one) => one.protocol));
    expect(links.filter((protocol) => !["http:", "https:", "mailto:"].includes(protocol))).toEqual([]);
    expect(await page.evaluate(() => [...document.images].filter((one) => !one.src.startsWith(location.origin) && !one.src.startsWith("blob:")).length)).toBe(0);
    expect(seen).toEqual([]);
    expect(page.problems).toEqual([]);
  };
  return { page, done };
}

describe("hostile text", () => {
  it("of a model, while it comes, when it is opened again, and exported", async () => {
    const { page, done } = await guarded();
    await choose(page, "acme/large");
    await send(page, "[evil]");
    await page.getByText("pixel (image at evil.example)").waitFor();
    for (const link of await replies(page).first().locator(".no-link").all()) await link.click();
    await page.reload();
    await page.getByText("pixel (image at evil.example)").waitFor();
    await done();
    const html = await (await fetch(`${server.url}/api/conversations/${new URL(page.url()).pathname.split("/")[2]}/export?format=html`)).text();
    const exported = await guarded();
    const file = join(mkdtempSync(join(tmpdir(), "exported-")), "conversation.html");
    writeFileSync(file, html);
    await exported.page.goto(`file://${file}`);
    await exported.page.getByText("window.hacked").first().waitFor();
    await exported.done();
  });

  it("in titles, questions, searches and file names", async () => {
    const { page, done } = await guarded();
    await choose(page, "acme/large");
    await page.locator("input[type=file]").setInputFiles({ name: `${NAME}.txt`.replaceAll("/", ""), mimeType: "text/plain", buffer: Buffer.from(EVIL) });
    await page.getByRole("list", { name: "Attached files" }).getByText("onerror").waitFor();
    await page.locator("input[type=file]").setInputFiles({ name: "evil.svg", mimeType: "image/svg+xml", buffer: Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" onload="window.hacked=62"><script>window.hacked=63</script></svg>') });
    await page.getByText("evil.svg").waitFor();
    const kept = (await post("/attachments?name=evil.html", {})) as { id: string };
    const answer = await fetch(`${server.url}/api/attachments/${kept.id}`);
    expect(answer.headers.get("content-security-policy")).toContain("sandbox");
    for (const name of ["Remove evil.svg"]) await page.getByRole("button", { name }).click();
    await page.getByRole("button", { name: /^Remove <img/ }).click();
    await send(page, EVIL);
    const made = (await post("/conversations", { title: EVIL })) as { id: string };
    await page.getByRole("link", { name: /window\.hacked = 1/ }).first().waitFor();
    await page.getByLabel("Search titles and messages").fill("onerror");
    await page.locator("mark").first().waitFor();
    await page.goto(`${server.url}/c/${made.id}`);
    await page.getByRole("heading", { level: 1 }).filter({ hasText: "hacked" }).waitFor();
    await done();
  });

  it("of plugins: names, docstrings, reasons, logs", async () => {
    const { page, done } = await guarded();
    await pill(page).click();
    await page.getByRole("row", { name: /evil_doc/ }).waitFor();
    await page.getByRole("row", { name: /<img/ }).first().waitFor();
    await page.getByRole("button", { name: "Details of evil_doc" }).click();
    await page.getByText("window.hacked=61").waitFor();
    await page.keyboard.press("Escape");
    await page.keyboard.press("Escape");
    for (const path of ["/plugins", "/keys", "/routes", "/usage", "/prompts", "/settings"]) {
      await page.goto(server.url + path);
      await page.getByRole("heading", { level: 1 }).waitFor();
      await page.waitForTimeout(100);
    }
    await page.goto(`${server.url}/plugins`);
    await page.getByRole("region", { name: "evil_error" }).getByRole("button", { name: "Log" }).click();
    await page.getByRole("dialog", { name: "Log of evil_error" }).waitFor();
    await done();
  });

  it("of tools: names, descriptions, arguments, results", async () => {
    const { page, done } = await guarded();
    await choose(page, "acme/large");
    await page.keyboard.press("Control+.");
    await page.getByLabel(/notes__evil_tool/).check();
    await page.keyboard.press("Escape");
    await send(page, "[tool evil_tool]", false);
    await page.getByRole("button", { name: "Allow once" }).waitFor();
    await page.getByText("<b>plan</b>").first().waitFor();
    await page.getByRole("button", { name: "Allow once" }).click();
    await page.getByText(/The tool said/).waitFor();
    await page.locator(".call summary").first().click();
    await done();
  });
});

describe("another site", () => {
  /** A page of another origin, which tries what such a page can. */
  it("cannot start, read or change anything: forms, fetch, images, sockets", async () => {
    const before = ((await (await fetch(`${server.url}/api/conversations`)).json()) as { rows: unknown[] }).rows.length;
    const evil = createServer((_, response) => response.end("<!doctype html><title>evil</title><body>evil"));
    await new Promise<void>((resolve) => evil.listen(0, "127.0.0.1", resolve));
    const address = evil.address();
    const port = typeof address === "object" && address ? address.port : 0;
    at(`http://localhost:${port}`);
    const page = await visit();
    at(server.url);
    const got = await page.evaluate(async (target) => {
      const tried: Record<string, string> = {};
      const call = async (name: string, path: string, init: RequestInit): Promise<void> => {
        tried[name] = await fetch(target + path, init).then(async (answer) => (answer.type === "opaque" ? "opaque" : `read ${(await answer.text()).length}`), () => "refused");
      };
      await call("read", "/api/conversations", {});
      await call("json", "/api/conversations", { method: "POST", body: "{}", headers: { "Content-Type": "application/json" } });
      await call("plain", "/api/conversations", { method: "POST", body: "{}", mode: "no-cors", headers: { "Content-Type": "text/plain" } });
      await call("beacon", "/api/attachments?name=x", { method: "POST", body: "x", mode: "no-cors" });
      await call("delete", "/api/keys/acme", { method: "DELETE" });
      for (const type of ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"]) {
        const form = document.createElement("form");
        Object.assign(form, { method: "post", enctype: type, action: `${target}/api/conversations`, target: "frame" });
        const frame = Object.assign(document.createElement("iframe"), { name: "frame" });
        const field = Object.assign(document.createElement("input"), { name: '{"title":"forged","x":"', value: '"}' });
        form.append(field);
        document.body.append(frame, form);
        form.submit();
        await new Promise((resolve) => setTimeout(resolve, 400));
        frame.remove();
      }
      tried.socket = await new Promise((resolve) => {
        const socket = new WebSocket(`${target.replace("http", "ws")}/api/live`);
        socket.onopen = () => resolve("open");
        socket.onerror = () => resolve("refused");
      });
      return tried;
    }, server.url);
    evil.close();
    expect(got).toEqual({ read: "refused", json: "refused", plain: "opaque", beacon: "opaque", delete: "refused", socket: "refused" });
    // What cannot be read may still have been done: a file is stored under the hash of what it holds.
    const stored = createHash("sha256").update("x").digest("hex");
    expect((await fetch(`${server.url}/api/attachments/${stored}`)).status).toBe(404);
    const after = (await (await fetch(`${server.url}/api/conversations`)).json()) as { rows: { title: string | null }[] };
    expect(after.rows.length).toBe(before);
    const keys = (await (await fetch(`${server.url}/api/keys`)).json()) as { rows: { name: string; from: string | null }[] };
    expect(keys.rows.find(({ name }) => name === "acme")?.from).toBe("stored");
  });

  it("cannot come in under a name of its own that points here", async () => {
    const status = (path: string, headers: Record<string, string>): Promise<number> => new Promise((resolve, reject) => {
      rawRequest({ host: "127.0.0.1", port: server.port, path, headers }, (answer) => {
        answer.resume();
        resolve(answer.statusCode ?? 0);
      }).on("error", reject).end();
    });
    const upgrade = { Connection: "Upgrade", Upgrade: "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==" };
    expect(await status("/api/conversations", { Host: `evil.example:${server.port}` })).toBe(403);
    expect(await status("/", { Host: "evil.example" })).toBe(403);
    expect(await status("/api/live", { Host: "evil.example", Origin: "http://evil.example", ...upgrade })).toBe(403);
    expect(await status("/api/live", { Host: `127.0.0.1:${server.port}`, Origin: "https://evil.example", ...upgrade })).toBe(403);
    expect(await status("/api/conversations", { Host: `localhost:${server.port}` })).toBe(200);
  });

  it("cannot frame the page, and the page runs no script but its own", async () => {
    const answer = await fetch(server.url);
    const rule = answer.headers.get("content-security-policy") ?? "";
    for (const part of ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "form-action 'none'", "base-uri 'none'"]) expect(rule).toContain(part);
    expect(await answer.text()).not.toMatch(/<script(?![^>]*\bsrc="\/)[^>]*>/);
  });
});
