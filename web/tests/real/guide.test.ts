// The whole of the guide to drop-in plugins: a file that appears, is used, breaks, is understood and mended.
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { at, choose, closeAll, composer, pill, replies, send, useBrowser, visit } from "../browser/browser";
import { dropIn, type Server, serve } from "./server";

let server: Server;
useBrowser();
beforeAll(async () => {
  server = await serve();
  at(server.url);
});
afterEach(closeAll);
afterAll(async () => server?.kill());

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
  writeFileSync(file("parrot_plugin.py"), dropIn('return "Parrot: " + user_message.splitlines()[-1]'));
  await row(page, /parrot_plugin/).waitFor();
  await ready(page, /parrot_plugin/);
  expect(await page.locator("[role=row][aria-selected=true]").getAttribute("id")).toBe(highlighted);
  await row(page, /parrot_plugin/).getByText("parrot_plugin", { exact: true }).click();
  await pill(page).filter({ hasText: "LLM Plugin: parrot_plugin" }).waitFor();
  await send(page, "hello there");
  await page.getByText("Parrot: User: hello there").waitFor();

  // Another one in the middle of the conversation is given all of it.
  writeFileSync(file("second_plugin.py"), dropIn("return str(len(user_message.splitlines())) + ' lines so far'"));
  await page.keyboard.press("Control+m");
  await page.getByRole("combobox", search).fill("second");
  await row(page, /second_plugin/).waitFor();
  await ready(page, /second_plugin/);
  await page.keyboard.press("Enter");
  await pill(page).filter({ hasText: "second_plugin" }).waitFor();
  await send(page, "and you?");
  await page.getByText("3 lines so far").waitFor();

  // Broken: the reason and its line, and nothing is sent elsewhere.
  writeFileSync(file("second_plugin.py"), dropIn("return 'never'", "import nothing_like_it\n"));
  await pill(page).filter({ hasText: /broken|setup/ }).waitFor();
  await composer(page).fill("still there?");
  await composer(page).press("Enter");
  await row(page, /second_plugin/).getByText(/nothing_like_it/).first().waitFor();
  expect(await replies(page).count()).toBe(2);
  await page.keyboard.press("Escape");

  // Mended: the draft is still there, and goes.
  writeFileSync(file("second_plugin.py"), dropIn("return 'mended'"));
  await pill(page).filter({ hasText: /second_plugin\s*$/ }).waitFor();
  expect(await composer(page).inputValue()).toBe("still there?");
  await composer(page).press("Enter");
  await page.getByText("mended").waitFor();
  rmSync(file("second_plugin.py"));
  await pill(page).filter({ hasText: "missing" }).waitFor();
  expect(page.problems).toEqual([]);
});
