// The list, the pages, attachments, keys, security: what is around a conversation.
import { mkdtempSync, openSync, closeSync, ftruncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterEach, describe, expect, it } from "vitest";
import { closeAll, composer, pill, post, replies, send, url, useBrowser, visit } from "./browser";

useBrowser();
afterEach(closeAll);
const PNG = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==", "base64");

describe("the list of conversations", () => {
  it("finds by title and content, and marks what it found", async () => {
    await post("/test/fill", { title: "About turtles", turns: [{ role: "user", text: "How old can a leatherback get?" }] });
    const page = await visit();
    await page.getByLabel("Search titles and messages").fill("leatherback");
    await page.locator("mark", { hasText: "leatherback" }).waitFor();
    await page.getByRole("link", { name: /About turtles/ }).click();
    await page.getByText("How old can a leatherback get?").last().waitFor();
  });

  it("renames, pins, exports, deletes and undoes", async () => {
    const title = `Keep ${Date.now()}`;
    await post("/test/fill", { title, turns: [{ role: "user", text: "x" }] });
    const page = await visit();
    const more = page.getByRole("button", { name: `More for ${title}` });
    await page.getByRole("link", { name: title }).hover();
    await more.click();
    await page.getByRole("button", { name: "Rename" }).click();
    await page.getByLabel("Name of the conversation").fill(`${title} again`);
    await page.keyboard.press("Enter");
    const row = page.getByRole("link", { name: `${title} again` });
    await row.waitFor();
    const again = page.getByRole("button", { name: `More for ${title} again` });
    await again.click();
    expect(await page.getByRole("link", { name: "Export as Markdown" }).last().getAttribute("href")).toMatch(/export\?format=md$/);
    await page.getByRole("button", { name: "Pin", exact: true }).click();
    await page.getByRole("heading", { name: "Pinned" }).waitFor();
    await again.click();
    await page.getByRole("button", { name: "Delete" }).click();
    await row.waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Undo" }).click();
    await row.waitFor();
  });

  it("follows what other tabs do", async () => {
    const [one, two] = [await visit(), await visit()];
    await send(one, `from tab one ${Date.now()}`);
    const title = (await one.getByRole("heading", { level: 1 }).textContent()) ?? "";
    await two.getByRole("link", { name: title }).first().click();
    await send(two, "from tab two");
    await one.getByText("You said: from tab two").waitFor();
  });
});

describe("a conversation that could not be deleted", () => {
  it("stays on the page", async () => {
    const page = await visit();
    await send(page, `Stays ${Date.now()}`);
    const before = page.url();
    const title = (await page.getByRole("heading", { level: 1 }).textContent()) ?? "";
    await page.route("**/api/conversations/*", (route) => (route.request().method() === "DELETE" ? route.abort() : route.continue()));
    await page.getByRole("button", { name: `More for ${title}` }).click();
    await page.getByRole("button", { name: "Delete" }).click();
    await page.getByText("Consort does not answer").first().waitFor();
    await page.waitForTimeout(200);
    expect(page.url()).toBe(before);
  });
});

describe("two tabs on one conversation", () => {
  it("are told when both name it, and what was typed stays", async () => {
    const title = `Named twice ${Date.now()}`;
    const one = await visit();
    await send(one, title);
    const two = await visit(new URL(one.url()).pathname);
    const rename = async (page: Page, to: string): Promise<void> => {
      await page.getByRole("button", { name: `More for ${title.slice(0, 40)}` }).click();
      await page.getByRole("button", { name: "Rename" }).click();
      await page.getByLabel("Name of the conversation").fill(to);
    };
    await rename(one, "My name");
    await rename(two, "Their name");
    await two.keyboard.press("Enter");
    await one.getByRole("heading", { level: 1, name: "Their name" }).waitFor();
    // What another tab did is in nobody's way, and nothing typed is lost.
    expect(await one.getByLabel("Name of the conversation").inputValue()).toBe("My name");
    await one.keyboard.press("Enter");
    await one.getByText(/Another tab named it “Their name” meanwhile/).first().waitFor();
    expect(await one.getByLabel("Name of the conversation").inputValue()).toBe("My name");
    // Only Enter takes the other name away, not leaving the field.
    await composer(one).focus();
    await one.waitForTimeout(400);
    expect(await two.getByRole("heading", { level: 1 }).textContent()).toBe("Their name");
    await one.getByLabel("Name of the conversation").press("Enter");
    await two.getByRole("heading", { level: 1, name: "My name" }).waitFor();
  });

  it("are told when both write its system prompt; other settings go past each other", async () => {
    const one = await visit();
    await send(one, "hello");
    const two = await visit(new URL(one.url()).pathname);
    await two.getByText("You said: hello").waitFor();
    for (const page of [one, two]) await page.keyboard.press("Control+.");
    await one.getByLabel("System prompt").fill("Mine");
    await two.getByLabel("Max tokens").fill("100");
    await two.getByLabel("System prompt").fill("Theirs");
    await two.getByLabel("Temperature").focus();
    await one.waitForTimeout(300);
    expect(await one.getByLabel("System prompt").inputValue()).toBe("Mine");
    await one.getByLabel("Temperature").focus();
    await one.getByText("Another tab changed it meanwhile.").waitFor();
    expect(await one.getByLabel("System prompt").inputValue()).toBe("Mine");
    expect(await one.getByLabel("Max tokens").inputValue()).toBe("100");
    await one.getByRole("button", { name: "Close the settings" }).click();
    await one.keyboard.press("Control+.");
    await one.getByText("Another tab changed it meanwhile.").waitFor();
    expect(await one.getByLabel("System prompt").inputValue()).toBe("Mine");
    await one.getByRole("button", { name: "Keep mine" }).click();
    await expect.poll(() => two.getByLabel("System prompt").inputValue()).toBe("Mine");
  });
});

describe("a system prompt", () => {
  const stored = async (path: string): Promise<string | undefined> => {
    const answer = await fetch(`${url()}/api/conversations/${path.split("/")[2]}`);
    return ((await answer.json()) as { conversation: { settings: { system?: string } } }).conversation.settings.system;
  };

  it("is of the conversation that it was typed in, wherever the user goes from there", async () => {
    const page = await visit();
    await send(page, "the other one");
    const other = new URL(page.url()).pathname;
    await page.getByRole("link", { name: "New chat", exact: true }).first().click();
    await send(page, "this one");
    const mine = new URL(page.url()).pathname;
    await page.keyboard.press("Control+.");
    await page.getByLabel("System prompt").fill("Only here");
    await page.goBack();
    await page.getByText("You said: the other one").waitFor();
    await expect.poll(() => stored(mine)).toBe("Only here");
    expect(await page.getByLabel("System prompt").inputValue()).toBe("");
    await page.getByLabel("Temperature").focus();
    await page.waitForTimeout(300);
    expect(await stored(other) ?? "").toBe("");
  });

  it("that could not be stored stays as it was typed, also where the panel is closed", async () => {
    const page = await visit();
    await send(page, "hello");
    await page.keyboard.press("Control+.");
    await page.route("**/api/conversations/*", (route) => (route.request().method() === "PATCH" ? route.abort() : route.continue()));
    await page.getByLabel("System prompt").fill("Hard to write again");
    await page.getByRole("button", { name: "Close the settings" }).click();
    await page.getByText("Consort does not answer").first().waitFor();
    await page.unroute("**/api/conversations/*");
    await page.keyboard.press("Control+.");
    expect(await page.getByLabel("System prompt").inputValue()).toBe("Hard to write again");
    await page.getByLabel("System prompt").focus();
    await page.getByLabel("Temperature").focus();
    await expect.poll(() => stored(new URL(page.url()).pathname)).toBe("Hard to write again");
  });
});

describe("lists that did not come at first", () => {
  it("come when the server is heard", async () => {
    const title = `Missed ${Date.now()}`;
    await post("/test/fill", { title, turns: [{ role: "user", text: "hello" }] });
    const page = await visit("/settings");
    let failed = 0;
    await page.route("**/api/conversations", (route) => ((failed += 1) === 1 ? route.abort() : route.continue()));
    await page.reload();
    await page.getByRole("link", { name: title }).waitFor();
    expect(failed).toBeGreaterThan(1);
  });
});

describe("attachments", () => {
  it("of the greatest number leave a pasted text where it is", async () => {
    const page = await visit();
    await page.locator("input[type=file]").setInputFiles(Array.from({ length: 16 }, (_, at) => ({ name: `${at}.txt`, mimeType: "text/plain", buffer: Buffer.from("x") })));
    await page.getByRole("list", { name: "Attached files" }).getByText("15.txt").waitFor();
    const text = "word ".repeat(1000);
    await composer(page).evaluate((field, pasted) => {
      const data = new DataTransfer();
      data.setData("text/plain", pasted);
      field.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
    }, text);
    await composer(page).fill(text);
    await page.getByRole("button", { name: "Attach it as a file instead" }).click();
    await page.getByText("At most 16 files go with one message").first().waitFor();
    expect(await composer(page).inputValue()).toBe(text);
  });

  it("come by picker, paste and drop, and go with the message", async () => {
    const page = await visit();
    await page.locator("input[type=file]").setInputFiles({ name: "dot.png", mimeType: "image/png", buffer: PNG });
    await page.getByRole("list", { name: "Attached files" }).getByText("dot.png").waitFor();
    await composer(page).evaluate((field) => {
      const data = new DataTransfer();
      data.items.add(new File(["pasted"], "pasted.png", { type: "image/png" }));
      field.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true }));
    });
    await page.locator("main").evaluate((main) => {
      const data = new DataTransfer();
      data.items.add(new File(["dropped"], "dropped.pdf", { type: "application/pdf" }));
      main.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
    });
    await page.getByText("dropped.pdf").waitFor();
    await page.getByRole("button", { name: "Remove pasted.png" }).click();
    await page.getByText("6 B").waitFor({ state: "detached" }).catch(() => {});
    await page.reload();
    await page.getByRole("list", { name: "Attached files" }).getByText("dot.png").waitFor();
    await send(page, "look");
    const image = page.locator("article img");
    await image.waitFor();
    expect(await image.evaluate((node: HTMLImageElement) => node.naturalWidth)).toBe(1);
    expect(page.problems).toEqual([]);
  });

  it("are checked against what the model reads", async () => {
    const page = await visit();
    await pill(page).click();
    await page.getByRole("combobox").fill("demo");
    await page.keyboard.press("Enter");
    await page.locator("input[type=file]").setInputFiles({ name: "dot.png", mimeType: "image/png", buffer: PNG });
    await page.getByText("demo cannot read dot.png.").waitFor();
    await page.getByRole("button", { name: "Send without" }).click();
    await page.getByRole("list", { name: "Attached files" }).waitFor({ state: "detached" });
  });

  it("of 200 MB are refused before a byte is sent", async () => {
    const path = join(mkdtempSync(join(tmpdir(), "big-")), "big.bin");
    const handle = openSync(path, "w");
    ftruncateSync(handle, 200 * 1024 * 1024);
    closeSync(handle);
    const page = await visit();
    let asked = false;
    page.on("request", (request) => (asked ||= request.url().includes("/api/attachments")));
    await page.locator("input[type=file]").setInputFiles(path);
    await page.getByText("200 MB is more than the 32 MB that a file may have").waitFor();
    expect(asked).toBe(false);
  });

  it("that are cut in the middle say so, and a text pasted in bulk becomes one", async () => {
    const page = await visit();
    await page.route("**/api/attachments*", (route) => route.abort());
    await page.locator("input[type=file]").setInputFiles({ name: "cut.png", mimeType: "image/png", buffer: PNG });
    await page.getByText("the upload was cut").waitFor();
    await page.unroute("**/api/attachments*");
    // Nothing goes without the file unless the user says so.
    await composer(page).fill("look at it");
    await composer(page).press("Enter");
    expect(await page.getByRole("button", { name: "Send", exact: true }).isDisabled()).toBe(true);
    await page.getByText("Not all files arrived.").waitFor();
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByText("Not all files arrived.").waitFor({ state: "detached" });
    await composer(page).press("Enter");
    await page.locator("article img").waitFor();
    await composer(page).evaluate((field) => {
      const data = new DataTransfer();
      data.setData("text/plain", "word ".repeat(200_000));
      field.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
    });
    await page.getByText("pasted.txt").waitFor();
    expect(await composer(page).inputValue()).toBe("");
    await page.getByText("977 KB").waitFor();
  });
});

describe("keys alone", () => {
  it.each([["Control+m", "combobox", "plays"], ["Control+k", "dialog", ">usage"]] as const)("that follow %s at once go into the search that it opens", async (key, role, words) => {
    const page = await visit();
    // On a slow line, parts of the page that are loaded later come later.
    await page.route(/(Picker|Palette)/, async (route) => {
      await new Promise((done) => setTimeout(done, 1000));
      await route.continue();
    });
    await page.reload();
    await composer(page).waitFor();
    await page.keyboard.press("Shift+Escape");
    await page.keyboard.press(key);
    await page.keyboard.type(words);
    await page.getByRole(role).first().waitFor();
    expect(await page.evaluate(() => (document.activeElement as HTMLInputElement).value)).toBe(words);
    expect(await composer(page).inputValue()).toBe("");
  });

  it("go the whole way: choose, write, send, stop, retry, edit, search", async () => {
    const page = await visit();
    await composer(page).waitFor();
    await page.keyboard.press("Shift+Escape");
    await page.keyboard.press("Control+m");
    await page.getByRole("combobox").waitFor();
    await page.keyboard.type("plays");
    await page.keyboard.press("Enter");
    await page.keyboard.type("#slow");
    await page.keyboard.press("Enter");
    await page.getByText("word word").waitFor();
    await page.keyboard.press("Escape");
    await page.getByText("Stopped here").waitFor();
    await page.keyboard.press("Alt+ArrowUp");
    await page.keyboard.press("r");
    await page.getByText("2/2").waitFor();
    await page.keyboard.press("Escape");
    await page.getByText("Stopped here").waitFor();
    await page.keyboard.press("Alt+ArrowUp");
    expect(await page.evaluate(() => document.activeElement?.getAttribute("aria-label"))).toMatch(/^You/);
    await page.keyboard.press("e");
    await page.keyboard.press("Control+a");
    await page.keyboard.type("edited by keys");
    await page.keyboard.press("Control+Enter");
    await page.getByText("You said: edited by keys").waitFor();
    await page.keyboard.press("Control+k");
    await page.getByRole("dialog", { name: "Commands" }).waitFor();
    await page.keyboard.type(">usage");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Usage" }).waitFor();
  });

  it("never send while a character is being composed", async () => {
    const page = await visit();
    await composer(page).fill("に");
    await composer(page).evaluate((field) => field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", isComposing: true, bubbles: true, cancelable: true })));
    await page.waitForTimeout(200);
    expect(await composer(page).inputValue()).toBe("に");
    expect(await replies(page).count()).toBe(0);
  });

  it("take prompts of the library by a slash", async () => {
    const page = await visit();
    await composer(page).fill("/");
    await composer(page).pressSequentially("rev");
    await page.getByRole("option", { name: /review/ }).waitFor();
    await page.keyboard.press("Enter");
    expect(await composer(page).inputValue()).toBe("Review this change. Be brief and kind.");
  });
});

describe("the pages", () => {
  it("keep prompts: new, edited, deleted, undone", async () => {
    const page = await visit("/prompts");
    const name = `haiku${Date.now()}`;
    await page.getByRole("button", { name: "New prompt" }).click();
    await page.getByRole("textbox", { name: "Name" }).fill(name);
    await page.getByLabel("Text").fill("Answer in a haiku.");
    await page.getByRole("button", { name: "Save" }).click();
    const row = page.locator("li", { hasText: name });
    await row.getByRole("button", { name: "Delete" }).click();
    await row.waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Undo" }).click();
    await row.waitFor();
  });

  it("take and forget keys", async () => {
    const page = await visit("/keys");
    const row = page.locator("main li", { hasText: "weather" });
    await row.getByRole("button", { name: "Enter" }).click();
    await row.getByLabel("Key weather").fill("no");
    await row.getByRole("button", { name: "Save" }).click();
    await row.getByText("too short").waitFor();
    await row.getByLabel("Key weather").fill("long enough");
    await page.keyboard.press("Enter");
    await row.getByText("kept on this machine").waitFor();
    await row.getByRole("button", { name: "Forget" }).click();
    await row.getByText("not set, optional").waitFor();
  });

  it("show usage with what is unknown, and routes with what rests", async () => {
    const page = await visit();
    await send(page, "count me");
    await page.getByRole("link", { name: "Usage" }).click();
    await page.getByRole("row", { name: /^script \d+/ }).waitFor();
    await page.getByLabel("By", { exact: true }).selectOption("day");
    await page.getByRole("link", { name: "Routes" }).click();
    await page.getByText(/rests until \d\d:\d\d/).waitFor();
  });

  it("keep looks in this browser, and motion away from who wants none", async () => {
    const page = await visit("/settings", { reducedMotion: "reduce" });
    await page.getByLabel("Theme").selectOption("dark");
    expect(await page.evaluate(() => getComputedStyle(document.body).backgroundColor)).toBe("rgb(22, 24, 21)");
    await page.reload();
    await page.getByLabel("Theme").waitFor();
    expect(await page.evaluate(() => getComputedStyle(document.body).backgroundColor)).toBe("rgb(22, 24, 21)");
    await page.goto(url());
    await send(page, "#slow", false);
    const moving = await page.evaluate(() => document.getAnimations().filter((one) => Number(one.effect?.getComputedTiming().duration) > 1).length);
    expect(moving).toBe(0);
    await page.keyboard.press("Escape");
  });
});

describe("rows that no server should send", () => {
  it("twice, or with a schema that is none, take no part of the page away", async () => {
    const page = await visit();
    const twice = async (path: string, change: (rows: Record<string, unknown>[]) => void = () => {}): Promise<unknown> => page.route(`**/api/${path}`, async (route) => {
      const answer = (await (await route.fetch()).json()) as { rows: Record<string, unknown>[] };
      change(answer.rows);
      await route.fulfill({ json: { ...answer, rows: [...answer.rows, ...answer.rows] } });
    });
    await twice("models", (rows) => {
      const [script] = rows as { card: { options: object } }[];
      if (script) script.card.options = { properties: { none: null, odd: { anyOf: {} }, list: { enum: "abc" }, style: { enum: ["plain", "plain"] } } };
      for (const row of rows) if (Array.isArray(row.keys)) row.keys = [...row.keys, ...row.keys];
    });
    await twice("tools");
    await twice("plugins", (rows) => rows.forEach((row) => (row.grants = ["weather", "weather"])));
    await twice("routes", (rows) => rows.forEach((row) => (row.targets = [...(row.targets as object[]), ...(row.targets as object[])])));
    await page.reload();
    await pill(page).click();
    await page.getByRole("grid").getByRole("row", { name: /script/ }).first().waitFor();
    await page.getByRole("combobox", { name: "Search plugins and models" }).fill("script");
    await page.keyboard.press("ArrowRight");
    await page.getByRole("region", { name: "About script" }).getByLabel("style").waitFor();
    await page.keyboard.press("Escape");
    await page.keyboard.press("Escape");
    await page.keyboard.press("Control+.");
    await page.getByRole("checkbox", { name: /read_file/ }).waitFor();
    await page.keyboard.press("Control+k");
    await page.getByRole("combobox", { name: "Search conversations, actions and plugins" }).fill("script");
    await page.getByRole("option", { name: /script/ }).first().waitFor();
    await page.keyboard.press("Escape");
    await send(page, "all the same");
    for (const [path, text] of [["/plugins", "script"], ["/routes", "demo"], ["/settings", "script"]] as const) {
      await page.goto(url() + path);
      await page.locator("main").getByText(text).first().waitFor({ state: "attached" });
    }
    expect(page.problems).toEqual([]);
  });

  it("are missed in their own part of the page only", async () => {
    const page = await visit();
    await page.route("**/api/models", async (route) => {
      const answer = (await (await route.fetch()).json()) as { rows: { id: string; state: object | null }[] };
      for (const row of answer.rows) if (row.id === "demo") row.state = null;
      await route.fulfill({ json: answer });
    });
    await page.reload();
    await pill(page).filter({ hasText: "script" }).waitFor();
    await pill(page).click();
    await page.getByRole("alert").filter({ hasText: "The list of plugins cannot be shown" }).waitFor();
    await send(page, "the rest goes on");
    await page.getByText("You said: the rest goes on").waitFor();
  });
});

describe("hostile text", () => {
  it("of models and names does nothing", async () => {
    const page = await visit();
    const asked: string[] = [];
    page.on("request", (request) => {
      if (!request.url().startsWith(url())) asked.push(request.url());
    });
    let dialogs = 0;
    page.on("dialog", (dialog) => {
      dialogs += 1;
      void dialog.dismiss();
    });
    await send(page, "#evil");
    await page.waitForTimeout(800);
    const reply = replies(page).first();
    expect(await reply.evaluate((node) => [...node.querySelectorAll("script,iframe,form,style,base,link,meta,object,embed,img,input,foreignObject")].map((one) => one.outerHTML))).toEqual([]);
    expect(await reply.evaluate((node) => [...node.querySelectorAll("*")].flatMap((one) => [...one.attributes].filter((attribute) => attribute.name.startsWith("on")).map(() => one.outerHTML)))).toEqual([]);
    const links = await reply.evaluate((node) => [...node.querySelectorAll("a")].map((one) => [one.protocol, one.rel, one.target]));
    expect(links.length).toBeGreaterThan(0);
    for (const [protocol, rel, target] of links) {
      expect(["http:", "https:", "mailto:"]).toContain(protocol);
      expect(rel).toContain("noopener");
      expect(rel).toContain("noreferrer");
      expect(target).toBe("_blank");
    }
    for (const link of await reply.locator(".no-link").all()) await link.click();
    await page.getByText("pixel (image at evil.example)").waitFor();

    await pill(page).click();
    await page.getByRole("grid").getByRole("row", { name: /onerror/ }).getByText("onerror").first().click();
    await send(page, "hello <img src=x onerror=window.hacked=40>");
    for (const path of ["/plugins", "/keys", "/usage", "/settings"]) {
      await page.goto(url() + path);
      await page.getByRole("heading", { level: 1 }).waitFor();
      await page.waitForTimeout(150);
    }
    expect(await page.evaluate(() => (window as unknown as { hacked?: number }).hacked)).toBeUndefined();
    expect(dialogs).toBe(0);
    expect(asked).toEqual([]);
    expect(page.problems).toEqual([]);
  });

  it("of other sites cannot use the API", async () => {
    const answer = await fetch(`${url()}/api/conversations`, { method: "POST", body: "{}", headers: { Origin: "https://evil.example", "Content-Type": "text/plain" } });
    expect(answer.status).toBe(403);
    const page = await visit();
    const html = await (await fetch(url())).text();
    expect(html).not.toMatch(/<script(?![^>]*\bsrc=)[^>]*>/);
    expect((await fetch(url())).headers.get("content-security-policy")).toContain("script-src 'self';");
    await page.waitForTimeout(100);
  });

  it("of any direction and of emoji alone is shown as such", async () => {
    const page = await visit();
    await send(page, "#rtl");
    const first = replies(page).first().locator("p[dir=auto]").filter({ hasText: "שלום" });
    expect(await first.evaluate((node) => getComputedStyle(node).direction)).toBe("rtl");
    await send(page, "👋🏽👨‍👩‍👧🏳️‍🌈");
    await page.getByText("You said: 👋🏽👨‍👩‍👧🏳️‍🌈").waitFor();
  });
});
