// The page on the real server: the whole of the guide to drop-in plugins, and answers that outlive the server.
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { at, choose, closeAll, composer, pill, replies, send, useBrowser, visit } from "../browser/browser";
import { type Server, serve } from "./server";

let server: Server;
useBrowser();
beforeAll(async () => {
  server = await serve();
  at(server.url);
});
afterEach(closeAll);
afterAll(async () => server?.kill());

const source = (body: string, head = ""): string => `${head}from llm_utils import LLMClient


class Client(LLMClient):
    """Says it back."""

    def generate_response(self, system, user_message, max_tokens=4096, temperature=0.8):
        ${body}

    def count_tokens(self, text):
        return len(text.split())
`;
const search = { name: "Search plugins and models" };
const row = (page: Page, name: RegExp) => page.getByRole("row", { name });
/** Waits until a row can be chosen: its plugin was looked at. */
const ready = (page: Page, name: RegExp) =>
  expect.poll(() => row(page, name).getByRole("gridcell").first().getAttribute("aria-disabled"), { timeout: 15_000 }).not.toBe("true");

it("takes a plugin file that is dropped in, switches, says what is broken, and goes on when it is mended", async () => {
  const file = (name: string): string => join(server.plugins, name);
  const page = await visit();
  await pill(page).filter({ hasText: "LLM Plugin: demo" }).waitFor();
  await pill(page).click();
  await page.getByRole("combobox", search).press("ArrowDown");
  const highlighted = await page.locator("[role=row][aria-selected=true]").getAttribute("id");
  writeFileSync(file("parrot_plugin.py"), source('return "Parrot: " + user_message.splitlines()[-1]'));
  await row(page, /parrot_plugin/).waitFor();
  await ready(page, /parrot_plugin/);
  expect(await page.locator("[role=row][aria-selected=true]").getAttribute("id")).toBe(highlighted);
  await row(page, /parrot_plugin/).getByText("parrot_plugin", { exact: true }).click();
  await pill(page).filter({ hasText: "LLM Plugin: parrot_plugin" }).waitFor();
  await send(page, "hello there");
  await page.getByText("Parrot: User: hello there").waitFor();

  // Another one in the middle of the conversation is given all of it.
  writeFileSync(file("second_plugin.py"), source("return str(len(user_message.splitlines())) + ' lines so far'"));
  await page.keyboard.press("Control+m");
  await page.getByRole("combobox", search).fill("second");
  await row(page, /second_plugin/).waitFor();
  await ready(page, /second_plugin/);
  await page.keyboard.press("Enter");
  await pill(page).filter({ hasText: "second_plugin" }).waitFor();
  await send(page, "and you?");
  await page.getByText("3 lines so far").waitFor();

  // Broken: the reason and its line, and nothing is sent elsewhere.
  writeFileSync(file("second_plugin.py"), source("return 'never'", "import nothing_like_it\n"));
  await pill(page).filter({ hasText: /broken|setup/ }).waitFor();
  await composer(page).fill("still there?");
  await composer(page).press("Enter");
  await row(page, /second_plugin/).getByText(/nothing_like_it/).first().waitFor();
  expect(await replies(page).count()).toBe(2);
  await page.keyboard.press("Escape");

  // Mended: the draft is still there, and goes.
  writeFileSync(file("second_plugin.py"), source("return 'mended'"));
  await pill(page).filter({ hasText: /second_plugin\s*$/ }).waitFor();
  expect(await composer(page).inputValue()).toBe("still there?");
  await composer(page).press("Enter");
  await page.getByText("mended").waitFor();
  rmSync(file("second_plugin.py"));
  await pill(page).filter({ hasText: "missing" }).waitFor();
  expect(page.problems).toEqual([]);
});

it("keeps an answer through a reload, and through a server that is killed", async () => {
  const page = await visit();
  await choose(page, "demo");
  await send(page, "[demo words=600 delay_ms=20] a long one", false);
  const reply = replies(page).first();
  await expect.poll(async () => (await reply.textContent())?.length ?? 0, { timeout: 20_000 }).toBeGreaterThan(200);
  await page.reload();
  await page.getByRole("button", { name: "Stop" }).waitFor();
  const before = (await reply.textContent())?.length ?? 0;
  expect(before).toBeGreaterThan(200);
  await server.kill();
  await server.start();
  await page.getByRole("button", { name: "Retry" }).first().waitFor({ timeout: 40_000 });
  expect((await reply.textContent())?.length ?? 0).toBeGreaterThan(200);
});

it("shows the same run in two tabs, stops it, and makes it anew as a branch", async () => {
  const page = await visit();
  await choose(page, "demo");
  await send(page, "[demo words=400 delay_ms=20] both", false);
  await page.waitForURL(/\/c\//);
  const other = await visit(new URL(page.url()).pathname);
  await other.getByRole("button", { name: "Stop" }).click();
  await page.getByText("Stopped here. What came is kept.").waitFor();
  const text = async (tab: Page): Promise<string> => (await replies(tab).first().locator("p").first().textContent()) ?? "";
  expect(await text(page)).toBe(await text(other));
  await page.getByRole("button", { name: "Retry", exact: true }).first().click();
  await page.getByText("2/2").waitFor({ timeout: 30_000 });
});
