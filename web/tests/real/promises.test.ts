// The page on the real server: tools that ask, tries that are repeated, plugins that load, what is too large, two tabs.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { at, choose, closeAll, composer, pill, replies, send, url, useBrowser, visit } from "../browser/browser";
import { type Server, serve } from "./server";

let server: Server;
useBrowser();
beforeAll(async () => {
  server = await serve();
  at(server.url);
  writeFileSync(join(server.plugins, "../../consort.toml"), '[routes.frail]\ntargets = ["demo"]\n');
});
afterEach(closeAll);
afterAll(async () => server?.kill());

const search = { name: "Search plugins and models" };
const row = (page: Page, name: RegExp) => page.getByRole("row", { name });

const over = (page: Page): Promise<void> => page.getByRole("button", { name: "Stop" }).waitFor({ state: "detached" });

async function withTool(page: Page): Promise<void> {
  await choose(page, "demo");
  await page.keyboard.press("Control+.");
  await page.getByRole("checkbox", { name: /^time/ }).check();
  await page.keyboard.press("Escape");
}

it("asks before a tool runs: no, and why, reaches the model; always holds over a restart", async () => {
  const page = await visit();
  await withTool(page);
  await send(page, "please call time", false);
  await page.getByRole("button", { name: "Deny…" }).click();
  await page.getByLabel("Why not (the model reads it)").fill("it is late enough");
  await page.keyboard.press("Enter");
  await page.getByText(/failed and said: not run: the user said no: it is late enough/).waitFor();
  await over(page);

  await send(page, "please call time again", false);
  await page.getByRole("button", { name: "Allow in this chat" }).click();
  await page.getByText(/tool `?time`? answered/).first().waitFor();
  await over(page);
  await server.kill();
  await server.start();
  await page.reload();
  await send(page, "please call time once more", false);
  await page.getByText(/tool `?time`? answered/).nth(1).waitFor();
  await page.keyboard.press("Control+.");
  await page.getByText("Runs without asking in this chat.").waitFor();
});

it("says when a try is made again, and what a route's target failed with last", async () => {
  const page = await visit();
  await choose(page, "route/frail");
  await send(page, "[demo fail=rate_limit retry_after=2] please", false);
  await page.getByText(/trying again in [12] s/).first().waitFor();
  await page.getByRole("group", { name: "Error" }).waitFor({ timeout: 30_000 });
  await page.getByText(/^\d attempts$/).click();
  expect(await page.locator("ol li").first().textContent()).toMatch(/at \d\d:\d\d:\d\d, then waited 2/);
  await page.goto(`${url()}/routes`);
  await page.getByText(/^last: /).waitFor();
});

it("shows how long it thought", async () => {
  const page = await visit();
  await choose(page, "demo/think");
  await send(page, "[demo delay_ms=40] think first");
  await page.getByText(/^Thought for /).waitFor();
  await page.reload();
  await page.getByText(/^Thought for /).waitFor();
});

it("lets a plugin that still loads be chosen, and waits for it; its log says when", async () => {
  const slow = `import sys, time
time.sleep(4)
from llm_utils import LLMClient
print("loaded at last", file=sys.stderr)


class Client(LLMClient):
    """Takes its time."""

    def generate_response(self, system, user_message, max_tokens=4096, temperature=0.8):
        return "awake now"

    def count_tokens(self, text):
        return len(text.split())
`;
  const page = await visit();
  await pill(page).click();
  writeFileSync(join(server.plugins, "slow_plugin.py"), slow);
  await row(page, /slow_plugin/).getByText(/Loading|Takes/).first().waitFor();
  await row(page, /slow_plugin/).getByText("slow_plugin", { exact: true }).click();
  await send(page, "good morning", false);
  await page.getByText("awake now").waitFor({ timeout: 60_000 });
  await pill(page).click();
  await page.getByRole("combobox", search).fill("slow");
  await page.getByRole("button", { name: "Details of slow_plugin" }).click();
  await page.getByText("Takes its time.").waitFor();
  await page.getByRole("button", { name: "Log", exact: true }).click();
  expect(await page.getByRole("region", { name: "Lines" }).textContent()).toMatch(/\d\d:\d\d:\d\d .*loaded at last/);
});

it("takes a million pasted letters as a file", async () => {
  const page = await visit();
  await choose(page, "demo");
  await composer(page).evaluate((field) => {
    const data = new DataTransfer();
    data.setData("text/plain", "word ".repeat(200_000));
    field.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
  });
  await page.getByText("977 KB").waitFor();
  await send(page, "read this");
  await page.getByText(/You attached 1 file: pasted\.txt \(text\/plain, 1000000 bytes\)/).waitFor();
  expect((await fetch(`${url()}/v1/models`)).status).toBe(404);
});

it("tells two tabs that name one conversation of each other", async () => {
  const title = `Named twice ${Date.now()}`;
  const one = await visit();
  await choose(one, "demo");
  await send(one, title);
  const two = await visit(new URL(one.url()).pathname);
  for (const page of [one, two]) {
    await page.getByRole("button", { name: `More for ${title}` }).click();
    await page.getByRole("button", { name: "Rename" }).click();
  }
  await one.getByLabel("Name of the conversation").fill("My name");
  await two.getByLabel("Name of the conversation").fill("Their name");
  await two.keyboard.press("Enter");
  await one.getByRole("heading", { level: 1, name: "Their name" }).waitFor();
  await one.getByLabel("Name of the conversation").press("Enter");
  await one.getByText(/Another tab named it “Their name” meanwhile/).first().waitFor();
  expect(await one.getByLabel("Name of the conversation").inputValue()).toBe("My name");
  await one.keyboard.press("Enter");
  await two.getByRole("heading", { level: 1, name: "My name" }).waitFor();
});

it("goes on with the first of two replies side by side, also after a reload", async () => {
  const page = await visit();
  await choose(page, "demo/think");
  await pill(page).click();
  await page.getByRole("combobox", search).fill("demo");
  await row(page, /^demo demo|demo/).first().waitFor();
  await page.keyboard.press("Shift+Enter");
  await page.keyboard.press("Escape");
  await composer(page).fill("both of you");
  await composer(page).press("Enter");
  const compare = page.getByRole("region", { name: "Replies side by side" });
  await compare.getByText("The conversation goes on with this reply.").waitFor();
  await expect.poll(() => replies(page).and(page.locator("[aria-busy=true]")).count(), { timeout: 20_000 }).toBe(0);
  await page.reload();
  await compare.getByText("The conversation goes on with this reply.").waitFor();
  expect(await compare.locator(".one").first().textContent()).toContain("The conversation goes on with this reply.");
});
