// Talking: streaming, stopping, retrying, editing, branches, tools, errors, drafts, several tabs.
import { afterEach, describe, expect, it } from "vitest";
import { between, choose, closeAll, composer, pill, post, replies, send, url, useBrowser, visit } from "./browser";

useBrowser();
afterEach(closeAll);

describe("a reply", () => {
  it("streams as Markdown with code, mathematics, a table and its measures", async () => {
    const page = await visit();
    await send(page, "#code");
    const reply = replies(page).first();
    await reply.locator(".hl-word").first().waitFor();
    await reply.locator(".math.done .katex").first().waitFor();
    expect(await reply.locator("td").first().textContent()).toBe("10/s");
    expect(await reply.textContent()).toMatch(/45 tokens · \d+ ms to first · \d+ tok\/s · \$0\.0007/);
    expect(await page.title()).toContain("#code");
    expect(page.problems).toEqual([]);
  });

  it("can be copied, whole and a block of code", async () => {
    const page = await visit("/", { permissions: ["clipboard-read", "clipboard-write"] });
    await send(page, "#code");
    await page.locator(".code .copy").click();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toContain("pub fn take");
    await replies(page).getByRole("button", { name: "Copy", exact: true }).last().click();
    await page.getByText("Reply copied").first().waitFor();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toContain("**two numbers**");
  });

  it("folds what was thought, with its duration", async () => {
    const page = await visit();
    await send(page, "#think");
    const thought = page.getByText("Thought for 4 s");
    expect(await page.getByText("The user wants").isVisible()).toBe(false);
    await thought.click();
    await page.getByText("The user wants").waitFor();
    expect(await page.locator(".thought strong").textContent()).toBe("less");
  });

  it("is stopped by Escape, keeps what came, and goes on", async () => {
    const page = await visit();
    await send(page, "#slow", false);
    await page.getByText("word word word").waitFor();
    await page.keyboard.press("Escape");
    await page.getByText("Stopped here. What came is kept.").waitFor();
    expect(await page.getByText("word word word").isVisible()).toBe(true);
    await page.getByRole("button", { name: "Continue" }).click();
    await page.getByText("Keep the bucket as").waitFor();
  });

  it("survives a reload in the middle, and comes whole", async () => {
    const page = await visit();
    await send(page, "#slow", false);
    await page.getByText("word word word").waitFor();
    await page.reload();
    await page.getByText("word word word").waitFor();
    await page.getByRole("button", { name: "Stop" }).waitFor();
    const before = (await replies(page).first().textContent())?.length ?? 0;
    await page.waitForTimeout(600);
    expect((await replies(page).first().textContent())?.length).toBeGreaterThan(before);
    await page.getByRole("button", { name: "Stop" }).click();
  });

  it("is written on while the connection is lost, and catches up", async () => {
    const page = await visit();
    await send(page, "#slow", false);
    await page.getByText("word word word").waitFor();
    await post("/test/drop");
    await replies(page).and(page.locator("[data-status=complete]")).waitFor({ timeout: 40_000 });
    const words = await replies(page).first().locator(".prose").textContent();
    expect(words?.trim().split(/\s+/).length).toBe(400);
  });

  it("is marked interrupted when the server was killed, and Retry works", async () => {
    const page = await visit();
    await send(page, "#slow", false);
    await page.getByText("word word word").waitFor();
    await post("/test/restart");
    await page.getByText("Stopped here. What came is kept.").waitFor({ timeout: 15_000 });
    await composer(page).fill("");
    await replies(page).getByRole("button", { name: "Retry", exact: true }).click();
    await page.getByText("2/2").waitFor();
    await page.getByText("word word word").waitFor();
    await page.getByRole("button", { name: "Stop" }).click();
  });

  it("is read from its start, and followed once the reader asks for its end", async () => {
    const page = await visit();
    await send(page, "#long 6", false);
    // As it is painted: a formula that was typeset behind a frame is followed by the next one, and an observer made
    // here is called behind the page's own, once what it is painted from is laid out.
    const below = async (): Promise<number> => page.locator(".view").evaluate((view) => new Promise<number>((resolve) => {
      const painted = new ResizeObserver(() => {
        painted.disconnect();
        resolve(view.scrollHeight - view.scrollTop - view.clientHeight);
      });
      painted.observe(view);
    }));
    await page.getByRole("button", { name: "More below" }).waitFor();
    await page.waitForTimeout(1500);
    expect(await below()).toBeGreaterThan(300);
    await page.getByRole("button", { name: "More below" }).click();
    for (let look = 0; look < 40; look += 1) {
      await page.waitForTimeout(50);
      expect(await below()).toBeLessThan(2);
    }
    await page.locator(".view").hover();
    await page.mouse.wheel(0, -400);
    await page.getByRole("button", { name: "More below" }).waitFor();
    await page.waitForTimeout(1000);
    expect(await below()).toBeGreaterThan(300);
    await page.keyboard.press("Escape");
  });

  it("is the same in ten tabs", async () => {
    const first = await visit();
    await send(first, "#long 20", false);
    const tabs = await Promise.all(Array.from({ length: 9 }, async () => visit(new URL(first.url()).pathname)));
    const texts = await Promise.all([first, ...tabs].map(async (page) => {
      await replies(page).and(page.locator("[data-status=complete]")).waitFor({ timeout: 50_000 });
      await page.waitForTimeout(300);
      return replies(page).first().locator(".prose").evaluate((node) => {
        // Formulas are typeset when the page has time for it.
        const copy = node.cloneNode(true) as HTMLElement;
        for (const formula of copy.querySelectorAll(".math")) formula.remove();
        return copy.textContent;
      });
    }));
    expect(new Set(texts).size).toBe(1);
  });
});

describe("branches", () => {
  it("are made by retrying and editing, and gone through by buttons and keys", async () => {
    const page = await visit();
    await send(page, "first question");
    await replies(page).getByRole("button", { name: "Retry", exact: true }).click();
    await page.getByText("2/2").waitFor();
    await page.getByRole("button", { name: "Previous version" }).click();
    await page.getByText("1/2").waitFor();
    await replies(page).first().focus();
    await page.keyboard.press("]");
    await page.getByText("2/2").waitFor();

    const mine = page.getByRole("article", { name: /^You/ });
    await mine.hover();
    await mine.getByRole("button", { name: "Edit" }).click();
    await page.getByLabel("Edit the message").fill("second thought");
    await page.keyboard.press("Control+Enter");
    await page.getByText("You said: second thought").waitFor();
    await mine.getByRole("button", { name: "Previous version" }).click();
    await page.getByText("You said: first question").waitFor();
    await page.reload();
    await page.getByText("You said: first question").waitFor();
  });

  it("start below any reply, and with any model", async () => {
    const page = await visit();
    await send(page, "one");
    await send(page, "two");
    await replies(page).first().getByRole("button", { name: "Branch" }).click();
    await page.getByText("The next message starts a branch here").first().waitFor();
    expect(await page.getByText("You said: two").count()).toBe(0);
    await send(page, "three");
    expect(await page.getByText("You said: three").isVisible()).toBe(true);
    await replies(page).last().getByRole("button", { name: "Retry with…" }).click();
    await page.getByRole("dialog", { name: "Retry with" }).waitFor();
    await page.keyboard.type("demo");
    await page.keyboard.press("Enter");
    await page.getByRole("article", { name: /^demo replied/ }).waitFor();
  });

  it("keep what was edited until the server has it, and are made once", async () => {
    const page = await visit();
    let refuse = false;
    await between(page, ({ type }) => (refuse && type === "start" ? { kind: "network", message: "not now" } : undefined));
    await send(page, "one thought");
    refuse = true;
    await page.getByRole("article", { name: /^You/ }).getByRole("button", { name: "Edit" }).click();
    await page.getByLabel("Edit the message").fill("a better thought");
    await page.keyboard.press("Control+Enter");
    await page.getByText("not now").first().waitFor();
    expect(await page.getByLabel("Edit the message").inputValue()).toBe("a better thought");
    refuse = false;
    await page.getByRole("button", { name: "Send", exact: true }).first().click();
    await page.getByText("You said: a better thought").waitFor();
    expect(await page.getByRole("article", { name: /^You/ }).textContent()).toContain("2/2");
  });

  it("edit the last message by the arrow", async () => {
    const page = await visit();
    await send(page, "typo hree");
    await composer(page).press("ArrowUp");
    expect(await page.getByLabel("Edit the message").inputValue()).toBe("typo hree");
    await page.keyboard.press("Escape");
  });
});

describe("tools", () => {
  it("wait for approval, run once, and show their result", async () => {
    const page = await visit();
    await send(page, "#tool", false);
    const ask = page.getByRole("region", { name: "Approve read_file" });
    expect(await ask.textContent()).toContain("notes/plan.txt");
    await ask.getByText("from files").waitFor();
    await ask.getByText("Reads a text file.").waitFor();
    expect(await page.evaluate(() => document.activeElement?.textContent)).not.toContain("Allow");
    await page.getByRole("status").filter({ hasText: "read_file waits for your approval" }).waitFor({ state: "attached" });
    await ask.getByRole("button", { name: "Allow once" }).click();
    await page.getByText("The plan has three steps.").waitFor();
    await page.locator(".call summary").click();
    await page.getByText("1. sketch").waitFor();
  });

  it("run without asking in this chat once that was said, until it is taken back", async () => {
    const page = await visit();
    await send(page, "#tool", false);
    await page.getByRole("button", { name: "Allow in this chat" }).click();
    await page.getByText("The plan has three steps.").waitFor();
    await page.reload();
    await send(page, "#tool", false);
    await page.getByText("The plan has three steps.").nth(1).waitFor();
    await page.keyboard.press("Control+.");
    await page.getByText("Runs without asking in this chat.").waitFor();
    await page.getByRole("button", { name: "Let read_file ask again" }).click();
    await page.getByText("Asks before it runs.").waitFor();
    await send(page, "#tool", false);
    await page.getByRole("region", { name: "Approve read_file" }).waitFor();
    expect(await page.getByRole("region", { name: "Approve read_file" }).count()).toBe(1);
  });

  it("are denied with a reason", async () => {
    const page = await visit();
    await send(page, "#tool", false);
    await page.getByRole("button", { name: "Deny…" }).click();
    await page.getByLabel("Why not (the model reads it)").fill("not that file");
    await page.keyboard.press("Enter");
    await page.locator(".call summary", { hasText: "failed" }).click();
    await page.getByText("denied: not that file").waitFor();
  });
});

describe("errors", () => {
  it("say the cause, keep what came, and offer one action", async () => {
    const page = await visit();
    await send(page, "#fail rate_limit");
    const card = page.getByRole("group", { name: "Error" });
    expect(await card.textContent()).toMatch(/Too many requests HTTP 429 from acme.*20 a minute.*Retry \(in 1\d s\)/s);
    await page.getByRole("alert").filter({ hasText: "too many requests" }).waitFor({ state: "attached" });
    await send(page, "#fail crash");
    expect(await page.getByText("This much came before the").isVisible()).toBe(true);
    await page.getByRole("button", { name: "Open log" }).click();
    await page.getByText("ModuleNotFoundError").waitFor();
  });

  it("that are tried again are said meanwhile and counted afterwards", async () => {
    const page = await visit();
    await send(page, "#again", false);
    await page.getByText(/too many requests: 20 a minute; trying again in [12] s/).waitFor();
    await page.getByText("The second attempt.").waitFor();
    await page.getByText("2 attempts").click();
    await page.getByText(/script: answered/).waitFor();
    expect(await page.getByText(/script: too many requests/).textContent()).toMatch(/at \d\d:\d\d:\d\d, then waited 900 ms/);
  });

  it("never lose the draft", async () => {
    const page = await visit();
    await composer(page).fill("a long thought");
    await page.reload();
    expect(await composer(page).inputValue()).toBe("a long thought");
    await page.route("**/api/conversations", (route) => (route.request().method() === "POST" ? route.abort() : route.continue()));
    await composer(page).press("Enter");
    await page.getByRole("group", { name: "Error" }).waitFor();
    expect(await composer(page).inputValue()).toBe("a long thought");
    await page.unroute("**/api/conversations");
    await page.getByRole("button", { name: "Send again" }).click();
    await page.getByText("You said: a long thought").waitFor();
    expect(await composer(page).inputValue()).toBe("");
  });

  it("keep what is written while a new conversation is being added, in that conversation", async () => {
    const page = await visit();
    let answer = (): void => {};
    const held = new Promise<void>((resolve) => (answer = resolve));
    await page.route("**/api/conversations", async (route) => {
      if (route.request().method() === "POST") await held;
      await route.continue();
    });
    await composer(page).fill("first words");
    await composer(page).press("Enter");
    await page.getByRole("button", { name: "Sending" }).waitFor();
    await composer(page).pressSequentially(" and more");
    answer();
    await page.getByText("You said: first words").waitFor();
    expect(await composer(page).inputValue()).toBe("and more");
    await page.reload();
    expect(await composer(page).inputValue()).toBe("and more");
    await page.getByRole("link", { name: "New chat", exact: true }).first().click();
    await page.getByText("What shall we talk about?").waitFor();
    expect(await composer(page).inputValue()).toBe("");
  });

  it("leave the user in the conversation to which they went while a new one was being added", async () => {
    const page = await visit();
    await send(page, "an older one");
    const older = page.url();
    await page.getByRole("link", { name: "New chat", exact: true }).first().click();
    await page.getByText("What shall we talk about?").waitFor();
    let answer = (): void => {};
    const held = new Promise<void>((resolve) => (answer = resolve));
    await page.route("**/api/conversations", async (route) => {
      if (route.request().method() === "POST") await held;
      await route.continue();
    });
    await composer(page).fill("for the new one");
    await composer(page).press("Enter");
    await page.goBack();
    await page.getByText("You said: an older one").waitFor();
    await composer(page).fill("for the older one");
    answer();
    await page.getByText("Sent in a new chat").first().waitFor();
    expect(page.url()).toBe(older);
    expect(await composer(page).inputValue()).toBe("for the older one");
    await page.getByRole("button", { name: "Open", exact: true }).click();
    await page.getByText("You said: for the new one").waitFor();
  });

  it("show the whole first reply to who went to another page while it began", async () => {
    const page = await visit();
    let answer = (): void => {};
    const held = new Promise<void>((resolve) => (answer = resolve));
    await between(page, ({ type }) => (type === "start" ? held : undefined));
    await composer(page).fill("from afar");
    await composer(page).press("Enter");
    await page.getByRole("button", { name: "Sending" }).waitFor();
    await page.getByRole("link", { name: "Plugins" }).click();
    await page.getByRole("heading", { level: 1, name: "Plugins" }).waitFor();
    answer();
    await page.getByRole("button", { name: "Open", exact: true }).click();
    await page.getByText("You said: from afar").waitFor();
  });

  it("make one conversation of a message that is sent twice", async () => {
    const page = await visit();
    let refuse = false;
    await between(page, ({ type }) => (refuse && type === "start" ? { kind: "network", message: "not now" } : undefined));
    await send(page, "an older one");
    const count = async (): Promise<number> => ((await (await fetch(`${url()}/api/conversations`)).json()) as { rows: unknown[] }).rows.length;
    const before = await count();
    await page.getByRole("link", { name: "New chat", exact: true }).first().click();
    refuse = true;
    await composer(page).fill("try and try");
    await composer(page).press("Enter");
    await page.getByRole("group", { name: "Error" }).waitFor();
    await page.goBack();
    await page.getByText("You said: an older one").waitFor();
    await page.goForward();
    refuse = false;
    await page.getByRole("button", { name: "Send again" }).click();
    await page.getByText("You said: try and try").waitFor();
    expect(await count()).toBe(before + 1);
  });

  it("of another tab, which was sent there, is not brought back by one that goes", async () => {
    const one = await visit();
    await composer(one).fill("said once");
    await one.waitForTimeout(200);
    const two = await one.context().newPage();
    await two.goto(url());
    await two.getByText("What shall we talk about?").waitFor();
    expect(await composer(two).inputValue()).toBe("said once");
    await composer(one).press("Enter");
    await one.getByText("You said: said once").waitFor();
    await expect.poll(() => composer(two).inputValue()).toBe("");
    await composer(one).fill("and what was written since");
    await one.goto(`${url()}/`);
    await composer(one).fill("the newest");
    await one.waitForTimeout(200);
    await two.goto("about:blank");
    await one.reload();
    expect(await composer(one).inputValue()).toBe("the newest");
  });

  it("keep one draft per conversation", async () => {
    const page = await visit();
    await send(page, "hello");
    await composer(page).fill("for this one");
    await page.getByRole("link", { name: "New chat", exact: true }).first().click();
    await page.getByText("What shall we talk about?").waitFor();
    expect(await composer(page).inputValue()).toBe("");
    await page.goBack();
    await page.getByText("You said: hello").waitFor();
    expect(await composer(page).inputValue()).toBe("for this one");
  });
});

describe("models", () => {
  it("are switched in the middle, with what that sends and costs", async () => {
    const page = await visit();
    await send(page, "hello");
    await choose(page, "demo");
    await page.getByText(/Now demo — sends ≈ \d+ tokens of history \(cost unknown\)/).waitFor();
    await send(page, "again");
    await page.getByRole("article", { name: /^demo replied/ }).waitFor();
    await page.reload();
    await pill(page).filter({ hasText: "LLM Plugin: demo" }).waitFor();
  });

  it("are used once, and side by side", async () => {
    const page = await visit();
    await send(page, "hello");
    await pill(page).click();
    await page.getByRole("combobox", { name: "Search plugins and models" }).fill("demo");
    await page.keyboard.press("Alt+Enter");
    await pill(page).filter({ hasText: "demo once" }).waitFor();
    await send(page, "by demo");
    await page.getByRole("article", { name: /^demo replied/ }).waitFor();
    await pill(page).filter({ hasText: "LLM Plugin: script" }).waitFor();

    await pill(page).click();
    await page.getByRole("combobox", { name: "Search plugins and models" }).fill("demo");
    await page.keyboard.press("Shift+Enter");
    await page.keyboard.press("Escape");
    await composer(page).fill("both of you");
    await page.keyboard.press("Enter");
    const compare = page.getByRole("region", { name: "Replies side by side" });
    await compare.getByText("You said: both of you").nth(1).waitFor();
    await compare.getByRole("button", { name: "Go on with this one" }).click();
    await composer(page).fill("");
    await page.keyboard.press("Control+Shift+O");
  });

  it("get their options, system prompt and sampling", async () => {
    const page = await visit();
    await send(page, "hello");
    await page.keyboard.press("Control+.");
    await page.getByLabel("From the library").selectOption({ label: "review" });
    await page.getByLabel("Temperature").fill("9");
    await page.getByLabel("Temperature").press("Tab");
    await page.getByText("at most 2").waitFor();
    await page.getByLabel("Temperature").fill("0.3");
    await page.getByLabel("Max tokens").fill("100");
    await page.getByLabel("Top k").fill("7");
    await page.getByLabel("Top k").press("Tab");
    await page.waitForTimeout(300);
    const id = new URL(page.url()).pathname.split("/")[2];
    const { conversation } = (await (await fetch(`${url()}/api/conversations/${id}`)).json()) as { conversation: { settings: object } };
    expect(conversation.settings).toMatchObject({ system: "Review this change. Be brief and kind.", sampling: { temperature: 0.3, max_tokens: 100 }, options: { top_k: 7 } });
  });

  it("show what is stored again where a change fails", async () => {
    const page = await visit();
    await send(page, "hello");
    await page.keyboard.press("Control+.");
    const box = page.getByRole("checkbox", { name: /read_file/ });
    await box.waitFor();
    await page.route("**/api/conversations/*", (route) => (route.request().method() === "PATCH" ? route.abort() : route.continue()));
    await box.click();
    await page.getByText("Consort does not answer").first().waitFor();
    await expect.poll(() => box.isChecked()).toBe(false);
    await page.unroute("**/api/conversations/*");
    await box.click();
    await page.waitForTimeout(300);
    expect(await box.isChecked()).toBe(true);
  });

  it("show where their view of the conversation begins", async () => {
    const page = await visit();
    const turns = Array.from({ length: 40 }, (_, at) => ({ role: at % 2 ? "assistant" : "user", text: "many words ".repeat(120) }));
    const made = (await post("/test/fill", { turns, fields: { model: "demo" } })) as { id: string };
    await page.goto(`${url()}/c/${made.id}`);
    await page.getByText("Only what follows is sent").waitFor();
    expect(await page.getByRole("meter").getAttribute("aria-valuenow")).toBe("8000");
  });
});
