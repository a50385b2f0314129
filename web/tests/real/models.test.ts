// The dropdown and what goes with a model on the real server: keys, trust, reload, options, comparing, cost, the view.
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { at, choose, closeAll, composer, pill, post, replies, send, useBrowser, visit } from "../browser/browser";
import { dropIn, type Server, serve } from "./server";
import { type Vendor, vendor } from "./vendor";

let server: Server;
let acme: Vendor;
useBrowser();
beforeAll(async () => {
  acme = await vendor();
  server = await serve({ vendor: acme.url, project: { "borrowed.py": dropIn("return 'borrowed words'") } });
  at(server.url);
});
afterEach(closeAll);
afterAll(async () => {
  acme?.close();
  await server?.kill();
});

const search = { name: "Search plugins and models" };
const settingsOf = async (address: string): Promise<object> =>
  ((await (await fetch(`${server.url}/api/conversations/${new URL(address).pathname.split("/")[2]}`)).json()) as { conversation: { settings: object } }).conversation.settings;

it("takes a key in its row, shows it nowhere, and is told when the vendor does not know it", async () => {
  const page = await visit();
  await pill(page).click();
  await page.getByRole("combobox", search).fill("acme");
  const row = page.getByRole("row", { name: /acme/i }).first();
  await row.getByLabel("Key acme").fill("wrong-key");
  await row.getByRole("button", { name: "Save" }).click();
  await page.locator("[role=gridcell][aria-disabled=false]", { hasText: "large" }).first().waitFor();
  // The field is gone with what it was for; the keys go on in the search.
  await expect.poll(() => page.evaluate(() => document.activeElement?.getAttribute("role"))).toBe("combobox");
  await page.keyboard.press("Escape");
  await choose(page, "acme/large");
  await send(page, "hello");
  const card = page.getByRole("group", { name: "Error" });
  await card.getByText("this key is not known").waitFor();
  await card.getByRole("button", { name: "Enter the key" }).waitFor();
  await page.goto(`${server.url}/keys`);
  const kept = page.locator("main li", { hasText: "acme" });
  await kept.getByText("kept on this machine").waitFor();
  await kept.getByRole("button", { name: /Enter|Change|Replace/ }).click();
  await kept.getByLabel("Key acme").fill("good-key");
  await page.keyboard.press("Enter");
  await page.getByText("Key acme saved").first().waitFor();
  expect(await page.content()).not.toContain("good-key");
  await page.goBack();
  await replies(page).getByRole("button", { name: "Retry", exact: true }).first().click();
  await page.getByText("You said: hello").waitFor();
  expect(await replies(page).first().textContent()).toMatch(/20 tokens · .*\$0\.0006/);
});

it("is trusted in its row, reloaded, and its log read", async () => {
  const page = await visit();
  await pill(page).click();
  await page.getByRole("combobox", search).fill("borrowed");
  const row = page.getByRole("row", { name: /borrowed/ });
  await row.getByText("Trust is for its whole folder").waitFor();
  await row.getByRole("button", { name: "Trust its folder" }).click();
  await page.locator("[role=gridcell][aria-disabled=false]", { hasText: "borrowed" }).waitFor({ timeout: 30_000 });
  await page.getByText("borrowed", { exact: true }).first().click();
  await send(page, "say");
  await page.getByText("borrowed words").waitFor();

  writeFileSync(join(server.plugins, "bad.py"), `print("loading the bad one")\n${dropIn("return 1", "def broken(:\n")}`);
  await pill(page).click();
  await page.getByRole("combobox", search).fill("bad");
  const bad = page.getByRole("row", { name: /^.*bad/ }).first();
  await bad.getByText(/bad\.py:2/).first().waitFor({ timeout: 30_000 });
  await bad.getByRole("button", { name: "Reload" }).click();
  await bad.getByText(/bad\.py:2/).first().waitFor({ timeout: 30_000 });
  writeFileSync(join(server.plugins, "bad.py"), dropIn("return 1", "import nothing_like_it\n"));
  await bad.getByText("consort plugins install-deps bad").waitFor({ timeout: 30_000 });
  await bad.getByRole("button", { name: "Open log" }).click();
  await page.getByRole("dialog", { name: "Log of bad" }).waitFor();
  rmSync(join(server.plugins, "bad.py"));
});

it("is found by its words and price, pinned, and known by its details, whose form is its schema", async () => {
  const page = await visit();
  await pill(page).click();
  const field = page.getByRole("combobox", search);
  await field.fill("<$4");
  await page.getByRole("row", { name: /acme\/large|large/ }).first().waitFor();
  await field.fill("demo");
  await page.getByRole("button", { name: "Pin demo", exact: true }).click();
  await field.fill("");
  await page.getByRole("rowgroup", { name: "Pinned" }).getByText("demo", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Details of demo", exact: true }).click();
  await page.getByLabel("words").fill("-3");
  await page.getByLabel("words").press("Tab");
  await page.getByText("at least").first().waitFor();
  await page.getByLabel("words").fill("7");
  await page.getByLabel("words").press("Tab");
  await page.getByRole("button", { name: "Use", exact: true }).click();
  await send(page, "count");
  expect(await settingsOf(page.url())).toMatchObject({ options: { words: 7 } });
  expect((await replies(page).first().locator(".prose").textContent())?.trim().split(/\s+/).length).toBe(7);
});

it("is switched in the middle with what that sends and costs, used once, and set beside another", async () => {
  const page = await visit();
  await choose(page, "demo");
  await send(page, "hello");
  await choose(page, "acme/large");
  await page.getByText(/Now .*large — sends ≈ \d+ tokens of history \(≈ \$0\.\d+\)/).waitFor();
  await send(page, "by acme");
  await pill(page).click();
  await page.getByRole("combobox", search).fill("demo/text");
  await page.getByRole("row", { name: /text/ }).first().waitFor();
  await page.keyboard.press("Alt+Enter");
  await pill(page).filter({ hasText: "once" }).waitFor();
  await send(page, "only now");
  expect(await replies(page).last().getAttribute("aria-label")).toMatch(/^demo\/text replied/);
  await pill(page).filter({ hasText: "large" }).waitFor();
  await pill(page).click();
  await page.getByRole("combobox", search).fill("demo/text");
  await page.getByRole("row", { name: /text/ }).first().waitFor();
  await page.keyboard.press("Shift+Enter");
  await page.keyboard.press("Escape");
  await composer(page).fill("both of you");
  await page.keyboard.press("Enter");
  const compare = page.getByRole("region", { name: "Replies side by side" });
  await compare.locator("[data-status=complete]").nth(1).waitFor();
  await compare.getByRole("button", { name: "Go on with this one" }).click();
  await compare.locator(".one").nth(1).and(page.locator(".chosen")).waitFor();
  await page.reload();
  await compare.locator("[data-status=complete]").nth(1).waitFor();
  await compare.locator(".one").nth(1).and(page.locator(".chosen")).waitFor();
});

it("gets the system prompt, sampling and a prompt of the library", async () => {
  await post("/prompts", { name: "kind", text: "Be brief and kind." });
  const page = await visit();
  await choose(page, "acme/large");
  await page.keyboard.press("Control+.");
  await page.getByLabel("From the library").selectOption({ label: "kind" });
  // One field for it, though the vendor's own options have one too.
  await page.getByLabel(/temperature/i).fill("0.3");
  await page.getByLabel(/temperature/i).press("Tab");
  await page.keyboard.press("Escape");
  await composer(page).fill("/");
  await composer(page).pressSequentially("kin");
  await page.getByRole("option", { name: /kind/ }).click();
  expect(await composer(page).inputValue()).toBe("Be brief and kind.");
  await send(page, "now");
  const last = acme.asked.at(-1);
  expect(last?.temperature).toBe(0.3);
  expect(last?.messages[0]).toMatchObject({ role: "system" });
  expect(JSON.stringify(last?.messages[0])).toContain("Be brief and kind.");
});

it("says what rests or refuses, with its wait and one action, and keeps what was asked", async () => {
  const page = await visit();
  await choose(page, "acme/large");
  await send(page, "[busy] now", false);
  const card = page.getByRole("group", { name: "Error" });
  await card.getByText("20 requests a minute").waitFor({ timeout: 40_000 });
  await card.getByRole("button", { name: /^Retry/ }).waitFor();
  await page.getByText("[busy] now").first().waitFor();
});

it("shows where its view begins once the conversation is longer than it takes", async () => {
  const page = await visit();
  await choose(page, "acme/tiny");
  for (let n = 1; n <= 4; n += 1) await send(page, `${n} ${"many words ".repeat(250)}`);
  await page.getByText("Only what follows is sent").waitFor();
  expect(await page.getByRole("meter").getAttribute("aria-valuemax")).toBe("3000");
});

it("is counted on the page of usage, and its conversation found, renamed, pinned, exported, deleted and brought back", async () => {
  const page = await visit();
  await choose(page, "acme/large");
  const word = `leatherback${Date.now()}`;
  await send(page, `How old can a ${word} get?`);
  const id = new URL(page.url()).pathname.split("/")[2];
  await page.getByRole("link", { name: "Usage" }).click();
  await page.getByRole("row", { name: /^acme\/large \d+/ }).waitFor();
  await page.getByLabel("Search titles and messages").fill(word);
  await page.locator("mark", { hasText: word }).waitFor();
  await page.getByLabel("Search titles and messages").fill("");
  const more = page.locator(`li:has(a[href="/c/${id}"])`);
  await more.hover();
  await more.getByRole("button", { name: /^More for/ }).click();
  await page.getByRole("button", { name: "Rename" }).click();
  await page.getByLabel("Name of the conversation").fill("About turtles");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "More for About turtles" }).click();
  for (const [name, wanted] of [["Export as Markdown", word], ["Export as JSON", '"turns"'], ["Export as HTML", "<!doctype html>"]] as const) {
    const address = await page.getByRole("link", { name }).last().getAttribute("href");
    const answer = await fetch(server.url + address);
    expect(answer.headers.get("content-disposition")).toContain("attachment");
    expect((await answer.text()).toLowerCase()).toContain(wanted.toLowerCase());
  }
  await page.getByRole("button", { name: "Pin", exact: true }).click();
  await page.getByRole("heading", { name: "Pinned" }).waitFor();
  await page.getByRole("button", { name: "More for About turtles" }).click();
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("link", { name: "About turtles" }).waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Undo" }).click();
  await page.getByRole("link", { name: "About turtles" }).first().click();
  await page.getByText(`You said: How old can a ${word} get?`).waitFor();
});
