// The real page in light, dark, on a phone and at 320 px; by keys alone; without motion; in any direction of writing.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { at, choose, closeAll, composer, pill, replies, send, useBrowser, visit } from "../browser/browser";
import { judge, kinds } from "../browser/judge";
import { dropIn, type Server, serve } from "./server";
import { type Vendor, vendor } from "./vendor";

let server: Server;
let acme: Vendor;
useBrowser();
beforeAll(async () => {
  acme = await vendor();
  server = await serve({ vendor: acme.url, tools: true, project: { "borrowed.py": dropIn("return 'x'") } });
  at(server.url);
  writeFileSync(join(server.plugins, "parrot.py"), dropIn("return user_message"));
  writeFileSync(join(server.plugins, "broken.py"), dropIn("return 1", "import nothing_like_it\n"));
  await fetch(`${server.url}/api/keys/acme`, { method: "PUT", body: '{"value":"good-key"}', headers: { "Content-Type": "application/json" } });
});
afterEach(closeAll);
afterAll(async () => {
  acme?.close();
  await server?.kill();
});

const views: Record<string, (page: Page) => Promise<void>> = {
  welcome: async (page) => void (await page.getByText("What shall we talk about?").waitFor()),
  reply: async (page) => {
    await choose(page, "acme/large");
    await send(page, "[code] Write a token bucket. No dependencies.");
    await page.locator(".math.done").first().waitFor();
    await page.locator(".hl-word").first().waitFor();
  },
  directions: async (page) => {
    await choose(page, "acme/large");
    await send(page, "[right to left] שלום");
    await send(page, "👋🏽👨‍👩‍👧🏳️‍🌈");
  },
  dropdown: async (page) => {
    await pill(page).click();
    await page.getByRole("row", { name: /broken/ }).getByText(/nothing_like_it/).first().waitFor();
  },
  details: async (page) => {
    await pill(page).click();
    await page.getByRole("button", { name: "Details of demo", exact: true }).click();
    await page.getByLabel("words").waitFor();
  },
  error: async (page) => {
    await choose(page, "demo");
    await send(page, "[demo fail=rate_limit fail_after=6 retry_after=12] please");
    await send(page, "[demo fail=plugin_crash] please");
    await page.getByRole("group", { name: "Error" }).last().waitFor();
  },
  approval: async (page) => {
    await choose(page, "acme/large");
    await page.keyboard.press("Control+.");
    await page.getByLabel(/notes__read_note/).check();
    await page.getByRole("button", { name: "Close the settings" }).click();
    await send(page, "[tool read_note] please", false);
    await page.getByRole("button", { name: "Allow once" }).waitFor();
  },
  compare: async (page) => {
    await choose(page, "acme/large");
    await pill(page).click();
    await page.getByRole("combobox", { name: "Search plugins and models" }).fill("parrot");
    await page.getByRole("row", { name: /parrot/ }).first().waitFor();
    await page.keyboard.press("Shift+Enter");
    await page.keyboard.press("Escape");
    await composer(page).fill("[code] both");
    await composer(page).press("Enter");
    await page.locator(".compare .turn[aria-busy=false]").first().waitFor({ timeout: 20_000 });
    await page.waitForTimeout(1000);
  },
  tune: async (page) => {
    await page.getByRole("button", { name: "Settings of this conversation" }).click();
    await page.getByLabel(/notes__read_note/).waitFor();
  },
};
for (const name of ["plugins", "keys", "routes", "usage", "prompts", "settings"]) {
  views[name] = async (page) => {
    await page.goto(new URL(`/${name}`, page.url()).href);
    await page.getByRole("heading", { level: 1 }).waitFor();
    await page.waitForTimeout(300);
  };
}

describe.each(Object.entries(kinds))("%s", (kind, options) => {
  it.each(Object.entries(views))("%s", async (name, show) => {
    const page = await visit("/", options);
    await composer(page).waitFor();
    await pill(page).filter({ hasText: "LLM Plugin:" }).waitFor();
    await show(page);
    await judge(page, `real-${name}-${kind}`);
    expect(page.problems).toEqual([]);
  });
});

it("is used by keys alone: choose, ask, stop, retry, edit, branch, settings, new chat", async () => {
  const page = await visit();
  await pill(page).filter({ hasText: "LLM Plugin:" }).waitFor();
  await page.keyboard.press("Control+m");
  await page.keyboard.type("demo");
  await page.getByRole("row", { name: /demo/ }).first().waitFor();
  await page.keyboard.press("Enter");
  await pill(page).filter({ hasText: "LLM Plugin: demo" }).waitFor();
  await page.keyboard.press("Shift+Escape");
  await page.keyboard.type("[demo words=400 delay_ms=20] by keys");
  await page.keyboard.press("Enter");
  await replies(page).first().waitFor();
  await page.locator("[aria-busy=true]").waitFor();
  await page.keyboard.press("Escape");
  await page.getByText("Stopped here. What came is kept.").waitFor();
  await page.keyboard.press("Alt+ArrowUp");
  expect(await page.evaluate(() => document.activeElement?.getAttribute("aria-label"))).toContain("demo replied");
  await page.keyboard.press("r");
  await page.getByText("2/2").waitFor();
  await page.keyboard.press("Escape");
  await page.locator("[aria-busy=true]").waitFor({ state: "detached" });
  await page.keyboard.press("Shift+Escape");
  await page.keyboard.press("ArrowUp");
  await page.getByLabel("Edit the message").waitFor();
  await page.keyboard.press("Control+a");
  await page.keyboard.type("edited by keys");
  await page.keyboard.press("Control+Enter");
  await replies(page).filter({ hasText: "edited by keys" }).and(page.locator("[data-status=complete]")).waitFor();
  await page.keyboard.press("Control+k");
  await page.getByRole("dialog", { name: "Commands" }).waitFor();
  await page.keyboard.press("Escape");
  await page.keyboard.press("Control+Shift+o");
  await page.getByText("What shall we talk about?").waitFor();
  expect(page.problems).toEqual([]);
});

it("moves nothing for who wants no motion", async () => {
  const page = await visit("/", { reducedMotion: "reduce" });
  await choose(page, "demo");
  await send(page, "[demo words=200 delay_ms=20] calmly", false);
  await pill(page).click();
  await page.waitForTimeout(200);
  const moving = await page.evaluate(() => document.getAnimations().filter((one) => Number(one.effect?.getComputedTiming().duration) > 1).length);
  expect(moving).toBe(0);
});
