// The dropdown, from a file dropped into the folder to a file that is broken and mended, and all that a row offers.
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, inject, it } from "vitest";
import { closeAll, composer, pill, replies, send, useBrowser, visit } from "./browser";

useBrowser();
afterEach(closeAll);

const file = (name: string): string => join(inject("plugins"), name);
const source = (answer: string, head = ""): string => `"""Answers ${answer}."""
${head}from llm_utils import LLMClient


class Client(LLMClient):
    def generate_response(self, system, user_message, max_tokens=4096, temperature=0.8):
        return "You said: " + user_message

    def count_tokens(self, text):
        return len(text.split())
`;
const search = { name: "Search plugins and models" };

describe("a plugin file", () => {
  it("is dropped in, chosen, used, switched, broken, understood, mended and used again", async () => {
    const page = await visit();
    await pill(page).filter({ hasText: /^..LLM Plugin: / }).waitFor();
    await pill(page).click();
    await page.getByRole("combobox", search).press("ArrowDown");
    const highlighted = await page.locator("[role=row][aria-selected=true]").getAttribute("id");

    // Dropped in while the list is open: it appears, and the highlight stays.
    writeFileSync(file("parrot_plugin.py"), source("by repeating"));
    const row = page.getByRole("row", { name: /parrot_plugin/ });
    await row.waitFor();
    expect(await page.locator("[role=row][aria-selected=true]").getAttribute("id")).toBe(highlighted);

    await row.getByText("parrot_plugin", { exact: true }).click();
    await pill(page).filter({ hasText: "LLM Plugin: parrot_plugin" }).waitFor();
    await send(page, "hello there");
    await page.getByText("You said: hello there").waitFor();

    // Another one, in the middle of the conversation.
    writeFileSync(file("second_plugin.py"), source("too"));
    await page.keyboard.press("Control+m");
    await page.getByRole("combobox", search).fill("second");
    await page.getByRole("row", { name: /second_plugin/ }).waitFor();
    await page.keyboard.press("Enter");
    await send(page, "and you?");
    await page.getByRole("article", { name: /^second_plugin replied/ }).waitFor();

    // Broken: a row with the reason and the line, the pill says so, nothing is sent elsewhere.
    writeFileSync(file("second_plugin.py"), source("too", "import missing_library\n"));
    await pill(page).filter({ hasText: "broken" }).waitFor();
    await composer(page).fill("still there?");
    await composer(page).press("Enter");
    const broken = page.getByRole("row", { name: /second_plugin/ });
    await broken.getByText(/Did not load: llm_plugins\/second_plugin\.py:2: no module named 'missing_library'/).waitFor();
    expect(await broken.getByRole("gridcell").first().getAttribute("aria-disabled")).toBe("true");
    expect(await replies(page).count()).toBe(2);
    await page.keyboard.press("Escape");

    // Mended: it loads again by itself, and the draft is still there.
    writeFileSync(file("second_plugin.py"), source("too"));
    await pill(page).filter({ hasText: /second_plugin\s*$/ }).waitFor();
    expect(await composer(page).inputValue()).toBe("still there?");
    await composer(page).press("Enter");
    await page.getByText("You said: still there?").waitFor();

    // Deleted while it is selected: it stays selected, as missing.
    rmSync(file("second_plugin.py"));
    await pill(page).filter({ hasText: "second_plugin missing" }).waitFor();
    rmSync(file("parrot_plugin.py"));
    expect(page.problems).toEqual([]);
  });
});

describe("a row", () => {
  it("takes a key in place, and is ready then", async () => {
    const page = await visit();
    await pill(page).click();
    const row = page.getByRole("row", { name: /acme\/large/ });
    await row.getByText("Needs the key acme").waitFor();
    await row.getByLabel("Key acme").fill("secret-value");
    await row.getByRole("button", { name: "Save" }).click();
    await page.locator("[role=gridcell][aria-disabled=false]", { hasText: "acme/large" }).waitFor();
    expect(await page.content()).not.toContain("secret-value");
  });

  it("is trusted in place", async () => {
    const page = await visit();
    await pill(page).click();
    const row = page.getByRole("row", { name: /borrowed/ });
    expect(await row.textContent()).toMatch(/llm_plugins\/borrowed\.py.*whole folder: files that come there later run too/);
    await row.getByRole("button", { name: "Trust its folder" }).click();
    await page.locator("[role=gridcell][aria-disabled=false]", { hasText: "borrowed" }).waitFor();
  });

  it("says why its last answer failed", async () => {
    const page = await visit("/plugins");
    const row = page.getByRole("region", { name: "script" });
    await row.getByText("Its last answer that failed: script.py:7: KeyError: 'gone'").waitFor();
  });

  it("is reloaded, its log read, its reason copied", async () => {
    writeFileSync(file("bad.py"), "import missing_thing\n");
    const page = await visit("/", { permissions: ["clipboard-read", "clipboard-write"] });
    await pill(page).click();
    const row = page.getByRole("row", { name: /^bad/ });
    await row.getByRole("button", { name: "Copy reason" }).click();
    await page.getByText("Reason copied").first().waitFor();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toContain("bad.py:1");
    await row.getByRole("button", { name: "Reload" }).click();
    await row.getByText("Loading…").waitFor();
    await row.getByText("Did not load").waitFor();
    await row.getByRole("button", { name: "Open log" }).click();
    await page.getByRole("dialog", { name: "Log of bad" }).getByText("no module named missing_thing").waitFor();
    rmSync(file("bad.py"));
  });

  it("is pinned, searched by word and price, and shows price and measured speed", async () => {
    const page = await visit();
    await pill(page).click();
    const script = page.getByRole("row", { name: /Plays scenes/ });
    expect(await script.textContent()).toMatch(/vision.*tools.*thinking.*\$3 \/ \$15 per M.*88 tok\/s/);
    await page.getByRole("button", { name: "Pin demo" }).click();
    await page.getByRole("rowgroup", { name: "Pinned" }).getByText("demo").waitFor();
    await page.getByRole("button", { name: "Unpin demo" }).click();
    await page.getByRole("combobox", search).fill("<$1");
    await page.getByRole("row", { name: /acme\/large/ }).waitFor();
    expect(await page.getByRole("row", { name: /Plays scenes/ }).count()).toBe(0);
    await page.getByRole("combobox", search).fill("local");
    await page.getByRole("row", { name: /^demo/ }).waitFor();
    await page.getByRole("combobox", search).fill("zzzz");
    await page.getByText("Nothing matches “zzzz”.").waitFor();
  });

  it("opens its details with the docstring and a form of its options", async () => {
    const page = await visit();
    await pill(page).click();
    await page.getByRole("combobox", search).fill("plays");
    await page.keyboard.press("ArrowRight");
    await page.getByText("Plays the scenes of the tests.").waitFor();
    await page.getByLabel("Top k").fill("500");
    await page.getByLabel("Top k").press("Tab");
    await page.getByText("at most 100").waitFor();
    await page.getByLabel("style").selectOption("florid");
    await page.keyboard.press("Escape");
    await page.keyboard.press("Escape");
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("plugin-pill");
  });
});
