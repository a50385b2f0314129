// Answers belong to the server: they outlive tabs, reloads and the server itself, and are the same in every tab.
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { at, choose, closeAll, composer, replies, send, url, useBrowser, visit } from "../browser/browser";
import { type Server, serve } from "./server";

let server: Server;
useBrowser();
beforeAll(async () => {
  server = await serve();
  at(server.url);
});
afterEach(closeAll);
afterAll(async () => server?.kill());

const text = async (page: Page): Promise<string> => (await replies(page).first().locator(".prose").first().textContent()) ?? "";
const grown = (page: Page, length: number): Promise<void> =>
  expect.poll(async () => (await text(page)).length, { timeout: 30_000 }).toBeGreaterThan(length) as unknown as Promise<void>;
const asked = async (words: string): Promise<Page & { problems: string[] }> => {
  const page = await visit();
  await choose(page, "demo");
  await send(page, words, false);
  await page.waitForURL(/\/c\//);
  return page;
};

it("shows one run in ten tabs, each the same text to its end", async () => {
  const first = await asked("[demo words=300 delay_ms=20] for all of you");
  const path = new URL(first.url()).pathname;
  const tabs = [first, ...(await Promise.all(Array.from({ length: 9 }, () => visit(path))))];
  await Promise.all(tabs.map((page) => replies(page).and(page.locator("[data-status=complete]")).waitFor({ timeout: 60_000 })));
  const texts = await Promise.all(tabs.map(text));
  expect(texts[0]?.split(/\s+/).length).toBeGreaterThanOrEqual(300);
  expect(new Set(texts).size).toBe(1);
});

it("folds what was thought, with its duration, and is copied", async () => {
  const page = await visit("/", { permissions: ["clipboard-read", "clipboard-write"] });
  await choose(page, "demo/think");
  await send(page, "hello there");
  const thought = page.getByText(/^Thought( for .*)?$/);
  await thought.click();
  expect((await page.locator(".thought").textContent())?.trim().length).toBeGreaterThan(0);
  await replies(page).getByRole("button", { name: "Copy", exact: true }).last().click();
  await page.getByText("Reply copied").first().waitFor();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toContain('You said: "hello there"');
});

it("goes on through a reload, and while nobody looks", async () => {
  const page = await asked("[demo words=500 delay_ms=20] a long one");
  await grown(page, 200);
  await page.reload();
  await page.getByRole("button", { name: "Stop" }).waitFor();
  await grown(page, 300);
  const path = new URL(page.url()).pathname;
  const before = (await text(page)).length;
  await closeAll();
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const back = await visit(path);
  await replies(back).first().waitFor();
  await grown(back, before + 100);
  await back.getByRole("button", { name: "Stop" }).click();
  await back.getByText("Stopped here. What came is kept.").waitFor();
});

it("outlives a server that is killed: the tab comes back, what came is marked, and Retry works", async () => {
  const page = await asked("[demo words=400 delay_ms=20] until it dies");
  await grown(page, 400);
  await composer(page).fill("not lost");
  const before = (await text(page)).length;
  await server.kill();
  await page.getByText("Consort does not answer. Trying again…").waitFor();
  await server.start();
  await page.getByText("Stopped here. What came is kept.").waitFor({ timeout: 40_000 });
  // The last moment before the end may not be on the disk; the rest is.
  expect((await text(page)).length).toBeGreaterThan(before / 2);
  expect(await composer(page).inputValue()).toBe("not lost");
  await replies(page).getByRole("button", { name: "Retry", exact: true }).first().click();
  await page.getByText("2/2").waitFor();
  await grown(page, 50);
  await page.getByRole("button", { name: "Stop" }).click();
  await page.getByRole("button", { name: "Previous version" }).click();
  await page.getByText("Stopped here. What came is kept.").waitFor();
  expect(page.problems).toEqual([]);
});

it("is stopped in every tab at once, goes on by Continue, and is made anew as a branch", async () => {
  const page = await asked("[demo words=400 delay_ms=20] both");
  const other = await visit(new URL(page.url()).pathname);
  await grown(other, 50);
  await composer(other).press("Escape");
  await page.getByText("Stopped here. What came is kept.").waitFor();
  await other.getByText("Stopped here. What came is kept.").waitFor();
  expect(await text(page)).toBe(await text(other));
  await page.getByRole("button", { name: "Continue" }).click();
  await expect.poll(() => page.locator("[aria-busy=true]").count()).toBeGreaterThan(0);
  const opened = await fetch(`${url()}/api${new URL(page.url()).pathname.replace("/c/", "/conversations/")}`);
  const [, cut, next] = ((await opened.json()) as { turns: { id: string; parent: string | null; role: string }[] }).turns;
  expect(next).toMatchObject({ role: "assistant", parent: cut?.id });
  await page.getByRole("button", { name: "Stop" }).click();
  await page.getByRole("button", { name: "Retry", exact: true }).first().click();
  await other.getByText("2/2").waitFor();
  await page.getByRole("button", { name: "Stop" }).click();
});

it("branches by editing, goes between branches by keys, and keeps the one that is shown", async () => {
  const page = await asked("first question");
  await page.locator("[data-status=complete]").waitFor();
  const mine = page.getByRole("article", { name: /^You/ });
  await mine.hover();
  await mine.getByRole("button", { name: "Edit" }).click();
  await page.getByLabel("Edit the message").fill("second thought");
  await page.keyboard.press("Control+Enter");
  await replies(page).filter({ hasText: "second thought" }).and(page.locator("[data-status=complete]")).waitFor();
  expect(await replies(page).filter({ hasText: "first question" }).count()).toBe(0);
  await mine.getByRole("button", { name: "Previous version" }).click();
  await replies(page).filter({ hasText: "first question" }).waitFor();
  await page.reload();
  await replies(page).filter({ hasText: "first question" }).waitFor();
  await replies(page).first().getByRole("button", { name: "Retry", exact: true }).click();
  await replies(page).first().getByText("2/2").waitFor();
  await page.locator("[data-status=complete]").waitFor();
  await replies(page).first().focus();
  await page.keyboard.press("[");
  await replies(page).first().getByText("1/2").waitFor();
});
