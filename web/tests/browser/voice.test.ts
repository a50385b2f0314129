// Voice mode of models that answer in writing: how it begins, what it is given, and how it ends.
import type { Page } from "playwright-core";
import { afterEach, describe, expect, it } from "vitest";
import { choose, closeAll, composer, pill, post, replies, send, useBrowser, visit } from "./browser";
import { judge } from "./judge";
import { ALLOWED, bar, begin, button, leavesNothing, listed, pressed, rows, screens, talk, users } from "./talking";

useBrowser(ALLOWED);
afterEach(async () => {
  await post("/test/voice", {});
  await closeAll();
});

const DEAF = {
  kind: "setup",
  message: "`script` answers in writing; to talk with it, it needs ears and a voice",
  hints: [
    "set `ears` below [voice] in consort.toml, for instance to `groq/whisper-large-v3`, `openai/gpt-4o-transcribe`, `whisper-server/whisper`, or `test`, which hears its own tones only",
    "set `voice` below [voice] in consort.toml, for instance to `groq/canopylabs/orpheus-v1-english`, `openai/gpt-4o-mini-tts`, `espeak-ng`, `piper/FILE.onnx`, or `test`, which speaks in tones",
    "the file is `~/.config/consort/consort.toml`; what is saved in it counts a moment later",
  ],
};

/** A page that counts how often it asked for the microphone. */
async function counting(): Promise<Page & { problems: string[] }> {
  const page = await visit("/health-is-no-page");
  await page.addInitScript(() => {
    const { mediaDevices } = navigator;
    const ask = mediaDevices.getUserMedia.bind(mediaDevices);
    Object.assign(window, { asked: 0 });
    mediaDevices.getUserMedia = (wanted) => {
      (window as unknown as { asked: number }).asked += 1;
      return ask(wanted);
    };
  });
  await page.goto(new URL("/", page.url()).href);
  await talk(page).waitFor();
  return page;
}
const asked = (page: Page): Promise<number> => page.evaluate(() => (window as unknown as { asked: number }).asked);

describe("voice mode", () => {
  it("begins by a button, takes what is written, and ends in plain chatting", async () => {
    const page = await counting();
    expect(await bar(page).count()).toBe(0);
    await talk(page).click();
    // In one go: the session is open and hears.
    await bar(page).getByText("Listening").waitFor();
    expect(await pressed(page)).toBe("true");
    expect(await asked(page)).toBe(1);
    await composer(page).fill("hello there");
    await composer(page).press("Enter");
    await bar(page).getByText("script is speaking").waitFor();
    await replies(page).filter({ hasText: "You said: hello there" }).and(page.locator("[aria-busy=false]")).waitFor();
    // Nothing is asked beside a session.
    expect(await replies(page).getByRole("button", { name: "Retry", exact: true }).count()).toBe(0);
    await button(page, "End").click();
    await bar(page).waitFor({ state: "detached" });
    expect(await pressed(page)).toBe("false");
    expect(await talk(page).evaluate((node) => node === document.activeElement)).toBe(true);
    await replies(page).getByRole("button", { name: "Retry", exact: true }).waitFor();
    // It is the same conversation, in writing.
    await send(page, "#fast and now in writing");
    expect(await users(page).count()).toBe(2);
    expect(await replies(page).count()).toBe(2);
    expect(await replies(page).last().textContent()).not.toContain("You said:");
    expect(page.problems).toEqual([]);
  });

  it("says what is written while it opens once it is open, and loses nothing where it is refused", async () => {
    const page = await counting();
    await post("/test/voice", { slow_ms: 1000 });
    await talk(page).click();
    await bar(page).getByText("Connecting").waitFor();
    await composer(page).fill("not so fast");
    await composer(page).press("Enter");
    await page.getByRole("button", { name: "Sending" }).waitFor();
    expect(await composer(page).inputValue()).toBe("not so fast");
    await replies(page).filter({ hasText: "You said: not so fast" }).waitFor();
    expect(await composer(page).inputValue()).toBe("");
    await button(page, "End").click();

    await post("/test/voice", { slow_ms: 1000, error: DEAF });
    await talk(page).click();
    await bar(page).getByText("Connecting").waitFor();
    await composer(page).fill("kept");
    await composer(page).press("Enter");
    const card = bar(page).getByRole("group", { name: "Error" });
    await card.getByText("it needs ears and a voice").waitFor();
    expect(await composer(page).inputValue()).toBe("kept");
    // One failure is told once.
    expect(await page.getByRole("group", { name: "Error" }).count()).toBe(1);
  });

  it("begins and ends by keys, and from the palette", async () => {
    const page = await counting();
    await talk(page).focus();
    await page.keyboard.press("Enter");
    await bar(page).getByText("Listening").waitFor();
    await page.keyboard.press("Space");
    await bar(page).waitFor({ state: "detached" });
    await page.keyboard.press("Control+k");
    await page.getByRole("combobox", { name: "Search conversations" }).fill("> talk");
    await page.keyboard.press("Enter");
    await bar(page).getByText("Listening").waitFor();
    await button(page, "End").focus();
    await page.keyboard.press("Enter");
    await bar(page).waitFor({ state: "detached" });
    expect(page.problems).toEqual([]);
  });

  it("keeps the focus where it was when its buttons come and go", async () => {
    const page = await counting();
    const focused = () => page.evaluate(() => document.activeElement?.closest("[aria-label='Live session']")?.tagName ?? document.activeElement?.tagName);
    await begin(page);
    await composer(page).fill("a few words that take a while to say");
    await composer(page).press("Enter");
    await button(page, "Interrupt").focus();
    await page.keyboard.press("Enter");
    await button(page, "Interrupt").waitFor({ state: "detached" });
    expect(await focused()).toBe("SECTION");
    await button(page, "End").click();
    await post("/test/voice", { error: DEAF });
    await talk(page).click();
    await button(page, "Try again").waitFor();
    await post("/test/voice", { slow_ms: 300 });
    await button(page, "Try again").focus();
    await page.keyboard.press("Enter");
    await bar(page).getByText("Listening").waitFor();
    expect(await focused()).toBe("SECTION");
  });

  it("gives up by Escape what nothing comes of, and goes on", async () => {
    const page = await counting();
    await begin(page);
    await composer(page).fill("#hang");
    await composer(page).press("Enter");
    await bar(page).getByText("Waiting for script…").waitFor();
    await button(page, "Interrupt").waitFor();
    await page.keyboard.press("Escape");
    await bar(page).getByText("Listening").waitFor();
    await composer(page).fill("and this?");
    await composer(page).press("Enter");
    await replies(page).filter({ hasText: "You said: and this?" }).and(page.locator("[aria-busy=false]")).waitFor();
    await bar(page).getByText("Listening").waitFor();
    expect(page.problems).toEqual([]);
  });

  it("is stopped in the gaps of an answer, too", async () => {
    const page = await counting();
    await begin(page);
    await composer(page).fill("one two #gap three four");
    await composer(page).press("Enter");
    await replies(page).filter({ hasText: "two" }).waitFor();
    await page.waitForTimeout(1500);
    expect(await bar(page).getByRole("status").textContent()).toBe("script is speaking");
    await page.keyboard.press("Escape");
    await bar(page).getByText("Listening").waitFor();
    await replies(page).filter({ hasText: "two" }).and(page.locator("[data-status=interrupted]")).waitFor();
    expect(await replies(page).textContent()).not.toContain("three");
    expect(page.problems).toEqual([]);
  });

  it("says what must be set before it asks for the microphone, and is tried again", async () => {
    const page = await counting();
    await post("/test/voice", { error: DEAF });
    await talk(page).click();
    const card = bar(page).getByRole("group", { name: "Error" });
    await card.getByText("to talk with it, it needs ears and a voice").waitFor();
    for (const part of ["set ears below [voice] in consort.toml", "espeak-ng", "counts a moment later"]) expect(await card.textContent()).toContain(part);
    expect(await asked(page)).toBe(0);
    await button(page, "Try again").click();
    await card.getByText("needs ears").waitFor();
    await post("/test/voice", {});
    await button(page, "Try again").click();
    await bar(page).getByText("Listening").waitFor();
    expect(await card.count()).toBe(0);
    await button(page, "End").click();
    // Whoever has enough of it writes.
    await post("/test/voice", { error: DEAF });
    await talk(page).click();
    await card.waitFor();
    await button(page, "Close").click();
    await bar(page).waitFor({ state: "detached" });
    expect(await pressed(page)).toBe("false");
    await send(page, "#fast in writing then");
    expect(await users(page).count()).toBe(1);
    expect(page.problems).toEqual([]);
  });

  it("is left with the conversation and with the model, and does not come back with them", async () => {
    const page = await counting();
    await talk(page).click();
    await bar(page).getByText("Listening").waitFor();
    await composer(page).fill("hello");
    await composer(page).press("Enter");
    await replies(page).first().waitFor();
    const { pathname } = new URL(page.url());
    await page.keyboard.press("Control+Shift+o");
    await bar(page).waitFor({ state: "detached" });
    await page.goBack();
    await replies(page).first().waitFor();
    expect(new URL(page.url()).pathname).toBe(pathname);
    expect(await bar(page).count()).toBe(0);
    await talk(page).click();
    await bar(page).getByText("Listening").waitFor();
    await choose(page, "demo");
    await bar(page).waitFor({ state: "detached" });
    await choose(page, "script");
    await pill(page).filter({ hasText: "script" }).waitFor();
    expect(await bar(page).count()).toBe(0);
    // Another page of this place, too.
    await talk(page).click();
    await bar(page).getByText("Listening").waitFor();
    await page.getByRole("link", { name: "Settings" }).click();
    await page.goBack();
    await talk(page).waitFor();
    expect(await bar(page).count()).toBe(0);
    expect(page.problems).toEqual([]);
  });

  it("is there for one model alone", async () => {
    const page = await counting();
    await pill(page).click();
    await page.getByRole("combobox", { name: "Search plugins and models" }).fill("demo");
    await page.keyboard.press("Shift+Enter");
    await page.keyboard.press("Escape");
    await talk(page).waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Do not compare with demo" }).click();
    await talk(page).waitFor();
    await composer(page).press("@");
    await page.getByRole("combobox", { name: "Search plugins and models" }).fill("demo");
    await page.getByRole("row", { name: "demo" }).first().waitFor();
    await page.keyboard.press("Enter");
    await talk(page).waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Do not use demo for the next message" }).click();
    await talk(page).waitFor();
    // In a session, another model for once ends it.
    await talk(page).click();
    await bar(page).getByText("Listening").waitFor();
    await composer(page).press("@");
    await page.getByRole("combobox", { name: "Search plugins and models" }).fill("demo");
    await page.getByRole("row", { name: "demo" }).first().waitFor();
    await page.keyboard.press("Enter");
    await bar(page).waitFor({ state: "detached" });
  });

  it("says what can be done with files", async () => {
    const page = await counting();
    await talk(page).click();
    await bar(page).getByText("Listening").waitFor();
    await page.locator("input[type=file]").setInputFiles({ name: "a.txt", mimeType: "text/plain", buffer: Buffer.from("x") });
    await composer(page).fill("look at this");
    await composer(page).press("Enter");
    await page.getByText("A live session takes no files").first().waitFor();
    await page.getByText("end it to send them").waitFor();
    await button(page, "End").click();
    await composer(page).press("Enter");
    await replies(page).first().waitFor();
    expect(await users(page).first().textContent()).toContain("look at this");
  });

  it("goes where a model is set up, where it is not ready", async () => {
    const page = await counting();
    const { id } = (await post("/conversations", { model: "acme/large" })) as { id: string };
    await page.goto(new URL(`/c/${id}`, page.url()).href);
    await pill(page).filter({ hasText: "needs key" }).waitFor();
    await talk(page).click();
    await page.getByRole("combobox", { name: "Search plugins and models" }).waitFor();
    expect(await bar(page).count()).toBe(0);
  });
});

describe("a talk in which nothing was said", () => {
  const card = (page: Page) => bar(page).getByRole("group", { name: "Error" });
  const at = (page: Page): string => new URL(page.url()).pathname;

  it("leaves no chat behind where it is refused, also when it is tried again, and keeps what was written", async () => {
    const page = await counting();
    await post("/test/voice", { error: DEAF });
    await leavesNothing(async () => {
      await composer(page).fill("half a thought");
      await talk(page).click();
      await card(page).getByText("it needs ears and a voice").waitFor();
      expect(at(page)).toBe("/");
      await button(page, "Try again").click();
      await card(page).getByText("it needs ears and a voice").waitFor();
      expect(await composer(page).inputValue()).toBe("half a thought");
      // In words it is refused too, and the words stay.
      await composer(page).press("Enter");
      await card(page).getByText("it needs ears and a voice").waitFor();
      expect(await composer(page).inputValue()).toBe("half a thought");
      expect(await pressed(page)).toBe("true");
    });
    await post("/test/voice", {});
    await composer(page).press("Enter");
    await replies(page).filter({ hasText: "You said: half a thought" }).waitFor();
    expect(at(page)).toMatch(/^\/c\//);
    expect(await composer(page).inputValue()).toBe("");
    expect(await pressed(page)).toBe("true");
    expect(page.problems).toEqual([]);
  });

  it("leaves none behind where it is ended, left or reloaded either", async () => {
    const page = await counting();
    const before = await listed(page).count();
    await leavesNothing(async () => {
      await begin(page);
      expect(await listed(page).count()).toBe(before);
      await composer(page).fill("not said");
      await button(page, "End").click();
      await bar(page).waitFor({ state: "detached" });
      expect(await composer(page).inputValue()).toBe("not said");
    });
    for (const leaves of [
      () => page.keyboard.press("Control+Shift+o"),
      () => page.getByRole("link", { name: "Settings" }).click().then(() => page.goBack()),
      () => page.reload(),
      () => choose(page, "demo").then(() => choose(page, "script")),
    ]) {
      await leavesNothing(async () => {
        await begin(page);
        await leaves();
        await bar(page).waitFor({ state: "detached" });
      });
      expect(at(page)).toBe("/");
      await composer(page).waitFor();
      expect(await composer(page).inputValue()).toBe("not said");
    }
    expect(page.problems).toEqual([]);
  });

  it("keeps the settings that were chosen for it", async () => {
    const page = await counting();
    await leavesNothing(async () => {
      await begin(page);
      await page.keyboard.press("Control+.");
      await page.getByLabel("System prompt").fill("Be brief.");
      await page.getByLabel("Temperature").focus();
      await button(page, "End").click();
      await bar(page).waitFor({ state: "detached" });
    });
    expect(await page.getByLabel("System prompt").inputValue()).toBe("Be brief.");
  });

  it("is kept from its first word on, in its own place, with what is being written", async () => {
    const page = await counting();
    await begin(page);
    expect(at(page)).toBe("/");
    await composer(page).fill("first words");
    await composer(page).press("Enter");
    await replies(page).filter({ hasText: "You said: first" }).waitFor();
    await composer(page).fill("what comes next");
    await page.waitForTimeout(200);
    const place = at(page);
    expect(place).toMatch(/^\/c\//);
    expect((await rows()).some(({ id, turns }) => place.endsWith(id) && turns === 2)).toBe(true);
    await page.reload();
    expect(await composer(page).inputValue()).toBe("what comes next");
    expect(page.problems).toEqual([]);
  });
});

describe.each(Object.entries(screens))("looks, %s", (kind, options) => {
  it("is calm before, in and after a talk, and when something must be set", async () => {
    const page = await visit("/", options);
    await pill(page).filter({ hasText: "script" }).waitFor();
    await judge(page, `talk-ready-${kind}`);
    await talk(page).click();
    await bar(page).getByText("Listening").waitFor();
    await judge(page, `talk-listening-${kind}`);
    await composer(page).fill("Good morning, what is there to do today, and where shall we begin?");
    await composer(page).press("Enter");
    await bar(page).getByText("script is speaking").waitFor();
    await judge(page, `talk-speaking-${kind}`);
    await button(page, "End").click();
    await bar(page).waitFor({ state: "detached" });
    await judge(page, `talk-after-${kind}`);
    await post("/test/voice", { error: DEAF });
    await talk(page).click();
    await bar(page).getByRole("group", { name: "Error" }).waitFor();
    await judge(page, `talk-deaf-${kind}`);
    expect(page.problems).toEqual([]);
  });
});
