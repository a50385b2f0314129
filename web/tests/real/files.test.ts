// Files on their way to a model, on the real server: picked, pasted, dropped, cut, too large; and the tools that ask first.
import { closeSync, ftruncateSync, mkdtempSync, openSync } from "node:fs";
import { request as rawRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { at, choose, closeAll, composer, replies, send, useBrowser, visit } from "../browser/browser";
import { type Server, serve } from "./server";
import { type Vendor, vendor } from "./vendor";

const PNG = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==", "base64");
let server: Server;
let acme: Vendor;
useBrowser();
beforeAll(async () => {
  acme = await vendor();
  server = await serve({ vendor: acme.url, tools: true });
  at(server.url);
  await fetch(`${server.url}/api/keys/acme`, { method: "PUT", body: '{"value":"good-key"}', headers: { "Content-Type": "application/json" } });
});
afterEach(closeAll);
afterAll(async () => {
  acme?.close();
  await server?.kill();
});

it("come by picker, paste and drop, survive a reload, reach the model, and stand in the conversation", async () => {
  const page = await visit();
  await choose(page, "acme/large");
  const list = page.getByRole("list", { name: "Attached files" });
  await page.locator("input[type=file]").setInputFiles({ name: "dot.png", mimeType: "image/png", buffer: PNG });
  await list.getByText("dot.png").waitFor();
  await composer(page).evaluate((field, bytes) => {
    const data = new DataTransfer();
    data.items.add(new File([new Uint8Array(bytes)], "pasted.png", { type: "image/png" }));
    field.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true }));
  }, [...PNG]);
  await page.locator("main").evaluate((main, bytes) => {
    const data = new DataTransfer();
    data.items.add(new File([new Uint8Array(bytes)], "dropped.png", { type: "image/png" }));
    main.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
  }, [...PNG]);
  await list.getByText("dropped.png").waitFor();
  await page.getByRole("button", { name: "Remove pasted.png" }).click();
  await expect.poll(() => list.getByText(/\d+ B$/).count()).toBe(2);
  await page.reload();
  await list.getByText("dropped.png").waitFor();
  await send(page, "look");
  expect(JSON.stringify(acme.asked.at(-1)?.messages)).toContain(`data:image/png;base64,${PNG.toString("base64")}`);
  const image = page.locator("article img").first();
  await image.waitFor();
  expect(await image.evaluate((node: HTMLImageElement) => node.naturalWidth)).toBe(1);
  expect(page.problems).toEqual([]);
});

it("that the model cannot read are said before they are sent", async () => {
  const page = await visit();
  await choose(page, "acme/tiny");
  await page.locator("input[type=file]").setInputFiles({ name: "dot.png", mimeType: "image/png", buffer: PNG });
  await page.getByText(/cannot read dot\.png\./).waitFor();
  await page.getByRole("button", { name: "Send without" }).click();
  await page.getByRole("list", { name: "Attached files" }).waitFor({ state: "detached" });
});

it("that are too large, or cut in the middle, leave nothing but a word", async () => {
  const page = await visit();
  const path = join(mkdtempSync(join(tmpdir(), "big-")), "big.bin");
  const handle = openSync(path, "w");
  ftruncateSync(handle, 200 * 1024 * 1024);
  closeSync(handle);
  await page.locator("input[type=file]").setInputFiles(path);
  await page.getByText(/200 MB is more than the \d+ MB that a file may have/).waitFor();
  // A program that does not look at its own limit first is told by the server, before it has sent a byte.
  const status = await new Promise<number>((resolve, reject) => {
    const request = rawRequest({ host: "127.0.0.1", port: server.port, path: "/api/attachments?name=big", method: "POST", headers: { "Content-Length": 200 * 1024 * 1024, "Content-Type": "application/octet-stream" } }, (answer) => resolve(answer.statusCode ?? 0));
    request.on("error", reject);
    request.flushHeaders();
  });
  expect(status).toBe(413);
  // The connection goes away after half of the file.
  const cut = await new Promise<string>((resolve) => {
    const request = rawRequest({ host: "127.0.0.1", port: server.port, path: "/api/attachments?name=cut.png", method: "POST", headers: { "Content-Length": 1000, "Content-Type": "image/png" } }, (answer) => resolve(`answered ${answer.statusCode}`));
    request.on("error", () => resolve("cut"));
    request.write(Buffer.alloc(500));
    setTimeout(() => request.destroy(new Error("cut")), 200);
  });
  expect(cut).toBe("cut");
  await page.route("**/api/attachments*", (route) => route.abort());
  await page.locator("input[type=file]").setInputFiles({ name: "cut.png", mimeType: "image/png", buffer: PNG });
  await page.getByText("the upload was cut").waitFor();
  await page.unroute("**/api/attachments*");
  await page.getByRole("button", { name: "Remove cut.png" }).click();
  await page.getByRole("button", { name: "Remove big.bin" }).click();
  await choose(page, "acme/large");
  await send(page, "still here");
  await page.getByText("You said: still here").waitFor();
});

it("of a million characters in one paste become a file, and one sent as text arrives whole", async () => {
  const page = await visit();
  await choose(page, "acme/large");
  await composer(page).evaluate((field) => {
    const data = new DataTransfer();
    data.setData("text/plain", "word ".repeat(200_000));
    field.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
  });
  await page.getByText("pasted.txt").waitFor();
  expect(await composer(page).inputValue()).toBe("");
  await page.getByRole("button", { name: "Remove pasted.txt" }).click();
  await send(page, `start ${"x".repeat(60_000)} end`);
  expect(JSON.stringify(acme.asked.at(-1)?.messages)).toMatch(/start x{60000} end/);
});

it("a tool asks before it runs, and waits for who comes back later: once, denied, or for the chat", async () => {
  const page = await visit();
  await choose(page, "acme/large");
  await page.keyboard.press("Control+.");
  await page.getByLabel(/notes__read_note/).check();
  await page.keyboard.press("Escape");
  await send(page, "[tool read_note] please", false);
  const ask = page.getByRole("region", { name: /Approve .*read_note/ });
  await ask.getByText("notes/<b>plan</b>.txt").first().waitFor();
  expect(await page.evaluate(() => document.activeElement?.textContent)).not.toContain("Allow");
  await page.getByRole("status").filter({ hasText: "waits for your approval" }).waitFor({ state: "attached" });
  // Who comes back later finds it waiting.
  await page.reload();
  await ask.getByRole("button", { name: "Allow once" }).click();
  await page.getByText("The tool said: the note at notes/<b>plan</b>.txt: buy milk").waitFor();
  await page.locator(".call summary", { hasText: "done" }).click();

  await send(page, "[tool read_note] again", false);
  await ask.getByRole("button", { name: "Deny…" }).click();
  await page.getByLabel("Why not (the model reads it)").fill("not that one");
  await page.keyboard.press("Enter");
  await replies(page).last().and(page.locator("[data-status=complete]")).waitFor();
  expect(await page.getByText("The tool said: the note").count()).toBe(1);

  await send(page, "[tool read_note] a third time", false);
  await ask.getByRole("button", { name: "Allow in this chat" }).click();
  await expect.poll(() => page.getByText("The tool said: the note").count()).toBe(2);
});
