// Every view in light, dark, on a phone and at 320 px: no violation that axe knows, nothing wider than the page.
// SHOTS=1 keeps pictures in tests/shots for people to look at.
import axe from "axe-core";
import { mkdirSync } from "node:fs";
import type { Page } from "playwright-core";
import { afterEach, describe, expect, it } from "vitest";
import { closeAll, composer, pill, post, send, url, useBrowser, visit } from "./browser";

useBrowser();
afterEach(closeAll);
const shots = new URL("../shots/", import.meta.url).pathname;
if (process.env.SHOTS) mkdirSync(shots, { recursive: true });

const kinds = {
  light: { colorScheme: "light" },
  dark: { colorScheme: "dark" },
  phone: { colorScheme: "light", viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true },
  narrow: { colorScheme: "light", viewport: { width: 320, height: 640 } },
} as const;

async function judge(page: Page, name: string): Promise<void> {
  await page.waitForTimeout(250);
  if (process.env.SHOTS) await page.screenshot({ path: `${shots}${name}.png` });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  expect(wide, `${name} is wider than the page`).toBeLessThanOrEqual(0);
  // The content security policy forbids what axe's own injection does, so it comes in by the debugger.
  await page.evaluate(axe.source);
  const found = await page.evaluate(async () => {
    const { axe } = window as unknown as { axe: { run: (root: Document, options: object) => Promise<{ violations: { id: string; nodes: { html: string; failureSummary?: string }[] }[] }> } };
    const result = await axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] });
    return result.violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.html.slice(0, 160)} ${node.failureSummary ?? ""}`).join(" | ")}`);
  });
  expect(found, name).toEqual([]);
}

const views: Record<string, (page: Page) => Promise<void>> = {
  welcome: async (page) => void (await page.getByText("What shall we talk about?").waitFor()),
  reply: async (page) => {
    await send(page, "Write a token bucket. No dependencies.");
    await send(page, "#think");
    await page.locator(".math.done").first().waitFor();
    await page.locator(".hl-word").first().waitFor();
  },
  dropdown: async (page) => {
    await send(page, "#code");
    await pill(page).click();
    await page.getByRole("grid").waitFor();
  },
  details: async (page) => {
    await pill(page).click();
    await page.getByRole("button", { name: "Details of script" }).click();
    await page.getByLabel("Top k").waitFor();
  },
  error: async (page) => {
    await send(page, "#fail crash");
    await send(page, "#fail rate_limit");
    await page.getByText("Too many requests").last().waitFor();
  },
  approval: async (page) => {
    await send(page, "#tool", false);
    await page.getByRole("button", { name: "Allow once" }).waitFor();
  },
  waits: async (page) => {
    await send(page, "#again", false);
    await page.getByText(/trying again in/).waitFor();
  },
  clash: async (page) => {
    await send(page, "hello");
    const id = new URL(page.url()).pathname.split("/")[2];
    await page.keyboard.press("Control+.");
    await page.getByLabel("System prompt").fill("Be brief, and kind.");
    const init = { method: "PATCH", body: JSON.stringify({ settings: { system: "Be thorough.", allowed: ["read_file"] } }), headers: { "Content-Type": "application/json" } };
    await fetch(`${url()}/api/conversations/${id}`, init);
    await page.waitForTimeout(200);
    await page.getByLabel("Temperature").focus();
    await page.getByText("Another tab changed it meanwhile.").waitFor();
  },
  files: async (page) => {
    await page.route("**/api/attachments*", (route) => route.abort());
    await page.locator("input[type=file]").setInputFiles({ name: "holiday.png", mimeType: "image/png", buffer: Buffer.from("x") });
    await page.getByText("the upload was cut").waitFor();
  },
  log: async (page) => {
    await pill(page).click();
    await page.getByRole("button", { name: "Details of script" }).click();
    await page.getByRole("button", { name: "Log", exact: true }).click();
    await page.getByText("ModuleNotFoundError").waitFor();
  },
  compare: async (page) => {
    await pill(page).click();
    await page.getByRole("combobox", { name: "Search plugins and models" }).fill("demo");
    await page.keyboard.press("Shift+Enter");
    await page.keyboard.press("Escape");
    await composer(page).fill("#code");
    await composer(page).press("Enter");
    await page.locator(".compare .turn[aria-busy=false]").first().waitFor({ timeout: 20_000 });
    await page.waitForTimeout(1500);
  },
  tune: async (page) => {
    await page.getByRole("button", { name: "Settings of this conversation" }).click();
    await page.getByLabel("System prompt").waitFor();
  },
  palette: async (page) => {
    await composer(page).press("Control+k");
    await page.getByRole("dialog", { name: "Commands" }).waitFor();
  },
  shortcuts: async (page) => {
    await composer(page).press("Control+/");
    await page.getByRole("dialog", { name: "Keys" }).waitFor();
  },
  list: async (page) => {
    await post("/test/fill", { title: "Rate limiter in Rust", turns: [{ role: "user", text: "buckets" }] });
    await page.reload();
    const open = page.getByRole("button", { name: "Show the list of conversations" });
    if (await open.isVisible()) await open.click();
    await page.getByLabel("Search titles and messages").fill("bucket");
    await page.locator("mark").first().waitFor();
  },
};
for (const name of ["plugins", "keys", "routes", "usage", "prompts", "settings"]) {
  views[name] = async (page) => {
    await page.goto(new URL(`/${name}`, page.url()).href);
    await page.getByRole("heading", { level: 1 }).waitFor();
    await page.waitForTimeout(150);
  };
}

describe.each(Object.entries(kinds))("%s", (kind, options) => {
  it.each(Object.entries(views))("%s", async (name, show) => {
    const page = await visit("/", options);
    await composer(page).waitFor();
    await page.locator("#plugin-pill", { hasText: "script" }).waitFor();
    await show(page);
    await judge(page, `${name}-${kind}`);
    expect(page.problems).toEqual([]);
  });
});

