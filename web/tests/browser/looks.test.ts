// Every view in light, dark, on a phone and at 320 px.
import type { Page } from "playwright-core";
import { afterEach, describe, expect, it } from "vitest";
import { closeAll, composer, pill, post, send, url, useBrowser, visit } from "./browser";
import { judge, kinds } from "./judge";

useBrowser();
afterEach(closeAll);

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

