// Which microphone and speaker a live session uses, what it is shown, and who holds it.
import type { Page } from "playwright-core";
import { afterEach, describe, expect, it } from "vitest";
import { closeAll, composer, launch, pill, post, replies, url, useBrowser, visit } from "./browser";
import { judge } from "./judge";
import { ALLOWED, bar, begin, button, FAKE, leavesNothing, listed, prepared, pressed, screens, talk, users } from "./talking";

useBrowser(ALLOWED);
afterEach(async () => {
  await post("/test/voice", {});
  await closeAll();
});

/** Notes which microphones were open, and where sound comes out. */
const noting = (page: Page): Promise<unknown> => page.addInitScript(() => {
  const notes = { opened: [] as string[], contexts: [] as AudioContext[], streams: [] as MediaStream[] };
  Object.assign(window, { notes });
  const { mediaDevices } = navigator;
  const ask = mediaDevices.getUserMedia.bind(mediaDevices);
  mediaDevices.getUserMedia = async (wanted) => {
    const stream = await ask(wanted);
    notes.opened.push(stream.getTracks()[0]?.label ?? "");
    notes.streams.push(stream);
    return stream;
  };
  const { connect } = AudioNode.prototype as unknown as { connect: (...all: unknown[]) => AudioNode };
  AudioNode.prototype.connect = function (this: AudioNode, ...args: unknown[]) {
    if (args[0] instanceof AudioDestinationNode) notes.contexts.push(this.context as AudioContext);
    return connect.apply(this, args);
  } as typeof AudioNode.prototype.connect;
});
const opened = (page: Page): Promise<string[]> => page.evaluate(() => (window as unknown as { notes: { opened: string[] } }).notes.opened);

/** Where the sound of the page comes out, by its name. */
const sink = (page: Page): Promise<string> => page.evaluate(async () => {
  const { contexts } = (window as unknown as { notes: { contexts: (AudioContext & { sinkId: string })[] } }).notes;
  const id = contexts.at(-1)?.sinkId;
  return id ? ((await navigator.mediaDevices.enumerateDevices()).find(({ kind, deviceId }) => kind === "audiooutput" && deviceId === id)?.label ?? "?") : "";
});

/** The device of this name is pulled out, or put back. */
const plug = (page: Page, name: string, there: boolean): Promise<void> => page.evaluate(([name, there]) => {
  const { mediaDevices } = navigator;
  const all = Object.getPrototypeOf(mediaDevices).enumerateDevices.bind(mediaDevices) as () => Promise<MediaDeviceInfo[]>;
  mediaDevices.enumerateDevices = async () => (await all()).filter(({ label }) => there || label !== name);
  mediaDevices.dispatchEvent(new Event("devicechange"));
}, [name, there] as const);

const note = (page: Page, text: string) => page.getByRole("region", { name: "Notes" }).getByText(text);
const microphone = (page: Page) => bar(page).getByLabel("Microphone");
const speaker = (page: Page) => bar(page).getByLabel("Speaker");
const says = async (page: Page, text: string): Promise<void> => {
  await composer(page).fill(text);
  await composer(page).press("Enter");
  await replies(page).filter({ hasText: `You said: ${text}` }).last().waitFor();
};

describe("the microphone", () => {
  it("is chosen, and remembered", async () => {
    const page = await prepared(noting);
    await begin(page);
    await button(page, "More").click();
    await microphone(page).selectOption("Fake Audio Input 2");
    await expect.poll(() => opened(page)).toEqual(["Fake Default Audio Input", "Fake Audio Input 2"]);
    await bar(page).getByText("Listening").waitFor();
    await says(page, "hello");
    await page.reload();
    await begin(page);
    expect(await opened(page)).toEqual(["Fake Audio Input 2"]);
    await button(page, "More").click();
    expect(await microphone(page).locator("option:checked").textContent()).toBe("Fake Audio Input 2");
    expect(page.problems).toEqual([]);
  });

  it("that is not there any more is told of, and the usual one is used", async () => {
    const page = await prepared(async (page) => {
      await noting(page);
      await page.addInitScript(() => localStorage.setItem("consort.voice.device", JSON.stringify("0123456789abcdef")));
    });
    await begin(page);
    await note(page, "The chosen microphone cannot be used: the usual one is").waitFor();
    expect(await opened(page)).toEqual(["Fake Default Audio Input"]);
    expect(await bar(page).getByRole("group", { name: "Error" }).count()).toBe(0);
    await button(page, "More").click();
    expect(await microphone(page).locator("option:checked").textContent()).toBe("The one chosen before (not connected)");
    expect(page.problems).toEqual([]);
  });

  it("that is pulled out is replaced by the usual one, and a muted one stays muted", async () => {
    const page = await prepared(noting);
    await begin(page);
    await button(page, "More").click();
    await microphone(page).selectOption("Fake Audio Input 1");
    await expect.poll(() => opened(page)).toHaveLength(2);
    await button(page, "Mute").click();
    await page.evaluate(() => {
      const { streams } = (window as unknown as { notes: { streams: MediaStream[] } }).notes;
      const { mediaDevices } = navigator;
      const ask = mediaDevices.getUserMedia;
      mediaDevices.getUserMedia = (wanted) => (JSON.stringify(wanted).includes("deviceId") ? Promise.reject(new OverconstrainedError("deviceId")) : ask(wanted));
      streams.at(-1)?.getTracks()[0]?.dispatchEvent(new Event("ended"));
    });
    await note(page, "The chosen microphone cannot be used: the usual one is").waitFor();
    await bar(page).getByText("Muted").waitFor();
    expect(await page.evaluate(() => (window as unknown as { notes: { streams: MediaStream[] } }).notes.streams.at(-1)?.getTracks()[0]?.enabled)).toBe(false);
    await button(page, "Unmute").click();
    await bar(page).getByText("Listening").waitFor();
    // Where the usual one goes too, that is said.
    await page.evaluate(() => (window as unknown as { notes: { streams: MediaStream[] } }).notes.streams.at(-1)?.getTracks()[0]?.dispatchEvent(new Event("ended")));
    await bar(page).getByText("The microphone is gone").waitFor();
    await says(page, "in words then");
    expect(page.problems).toEqual([]);
  });

  it("that is refused is told of in words, and writing works; nothing is left where nothing was said", async () => {
    const strict = await launch(FAKE);
    try {
      const page = await (await strict.newContext()).newPage();
      page.setDefaultTimeout(15_000);
      await page.goto(url());
      await pill(page).filter({ hasText: "script" }).waitFor();
      const before = await listed(page).count();
      await leavesNothing(async () => {
        await talk(page).click();
        const card = bar(page).getByRole("group", { name: "Error" });
        await card.getByText("The microphone was refused").waitFor();
        expect(await card.textContent()).toContain("allow it in the browser, beside the page's address, and try again");
        expect(await card.textContent()).toContain("writing works without it");
        await bar(page).getByText("No microphone: write below").waitFor();
        expect(await listed(page).count()).toBe(before);
        await button(page, "End").click();
      });
      expect(new URL(page.url()).pathname).toBe("/");
      await talk(page).click();
      await bar(page).getByText("No microphone: write below").waitFor();
      await says(page, "in words then");
      expect(new URL(page.url()).pathname).toMatch(/^\/c\//);
      expect(await pressed(page)).toBe("true");
      await page.locator("[aria-current=page]").filter({ hasText: "in words then" }).waitFor();
    } finally {
      await strict.close();
    }
  });
});

describe("the speaker", () => {
  it("is chosen in a session and before one, and remembered", async () => {
    const page = await prepared(noting);
    await begin(page);
    await button(page, "More").click();
    expect(await sink(page)).toBe("");
    await speaker(page).selectOption("Fake Audio Output 2");
    await expect.poll(() => sink(page)).toBe("Fake Audio Output 2");
    // It plays on there.
    await composer(page).fill("a few words that take a while to say");
    await composer(page).press("Enter");
    await bar(page).getByText("script is speaking").waitFor();
    await bar(page).getByText("Listening").waitFor();
    await button(page, "End").click();
    await page.reload();
    await begin(page);
    await expect.poll(() => sink(page)).toBe("Fake Audio Output 2");
    await button(page, "More").click();
    expect(await speaker(page).locator("option:checked").textContent()).toBe("Fake Audio Output 2");
    await speaker(page).selectOption("The usual one");
    await expect.poll(() => sink(page)).toBe("");
    expect(page.problems).toEqual([]);
  });

  it("that is pulled out is replaced by the usual one, and used again when it is back", async () => {
    const page = await prepared(noting);
    await begin(page);
    await button(page, "More").click();
    await speaker(page).selectOption("Fake Audio Output 1");
    await expect.poll(() => sink(page)).toBe("Fake Audio Output 1");
    await plug(page, "Fake Audio Output 1", false);
    await note(page, "The chosen speaker cannot be used: sound comes out of the usual one").waitFor();
    expect(await sink(page)).toBe("");
    expect(await speaker(page).locator("option:checked").textContent()).toBe("The one chosen before (not connected)");
    await plug(page, "Fake Audio Output 1", true);
    await expect.poll(() => sink(page)).toBe("Fake Audio Output 1");
    expect(page.problems).toEqual([]);
  });

  it("that is not there when a session begins is told of, and the usual one is used", async () => {
    const page = await prepared(async (page) => {
      await noting(page);
      await page.addInitScript(() => localStorage.setItem("consort.voice.speaker", JSON.stringify("0123456789abcdef")));
    });
    await begin(page);
    await note(page, "The chosen speaker cannot be used: sound comes out of the usual one").waitFor();
    expect(await sink(page)).toBe("");
    await says(page, "hello");
    expect(page.problems).toEqual([]);
  });

  it("is chosen by an element where the browser's contexts cannot, and not at all where nothing can", async () => {
    const element = await prepared(async (page) => {
      await noting(page);
      await page.addInitScript(() => {
        delete (AudioContext.prototype as { setSinkId?: unknown }).setSinkId;
        const choose = HTMLMediaElement.prototype.setSinkId;
        HTMLMediaElement.prototype.setSinkId = function (id) {
          Object.assign(window, { element: this });
          return choose.call(this, id);
        };
      });
    });
    await begin(element);
    await button(element, "More").click();
    await speaker(element).selectOption("Fake Audio Output 2");
    const plays = () => element.evaluate(() => {
      const { element } = window as unknown as { element?: HTMLAudioElement };
      return element ? [element.sinkId !== "", !element.paused] : [];
    });
    await expect.poll(plays).toEqual([true, true]);
    await says(element, "hello");
    await speaker(element).selectOption("The usual one");
    await expect.poll(plays).toEqual([true, false]);
    expect(element.problems).toEqual([]);

    const none = await prepared((page) => page.addInitScript(() => {
      delete (AudioContext.prototype as { setSinkId?: unknown }).setSinkId;
      delete (HTMLMediaElement.prototype as { setSinkId?: unknown }).setSinkId;
    }));
    await begin(none);
    await button(none, "More").click();
    await microphone(none).waitFor();
    expect(await speaker(none).count()).toBe(0);
  });
});

describe("pictures", () => {
  it("of the camera and of the screen reach the model, one of them at a time", async () => {
    await post("/test/voice", { sees: true });
    const page = await prepared(noting);
    await begin(page);
    await button(page, "More").click();
    await button(page, "Camera").click();
    await page.getByLabel("What the model is shown").waitFor();
    expect(await button(page, "Camera").getAttribute("aria-pressed")).toBe("true");
    const sees = async (): Promise<number> => {
      const before = await replies(page).count();
      await composer(page).fill("#see");
      await composer(page).press("Enter");
      const answer = replies(page).nth(before).and(page.locator("[aria-busy=false]"));
      await answer.waitFor();
      return Number(/I saw (\d+) pictures, the last of 768 x \d{3}/.exec((await answer.textContent()) ?? "")?.[1]);
    };
    await page.waitForTimeout(1300);
    const camera = await sees();
    expect(camera).toBeGreaterThan(1);
    await button(page, "Screen").click();
    await expect.poll(() => button(page, "Screen").getAttribute("aria-pressed")).toBe("true");
    expect(await button(page, "Camera").getAttribute("aria-pressed")).toBe("false");
    expect(await page.getByLabel("What the model is shown").evaluate((video: HTMLVideoElement) => (video.srcObject as MediaStream).getVideoTracks()[0]?.getSettings().displaySurface)).toBe("monitor");
    await page.waitForTimeout(1300);
    const screen = await sees();
    expect(screen).toBeGreaterThan(camera + 1);
    await button(page, "Screen").click();
    await page.getByLabel("What the model is shown").waitFor({ state: "detached" });
    await page.waitForTimeout(300);
    const last = await sees();
    expect(await sees()).toBe(last);
    expect(page.problems).toEqual([]);
  });

  it("that are refused are told of, and the talk goes on", async () => {
    await post("/test/voice", { sees: true });
    const page = await prepared(noting);
    await begin(page);
    await button(page, "More").click();
    await page.evaluate(() => { navigator.mediaDevices.getDisplayMedia = () => Promise.reject(new DOMException("no", "NotAllowedError")); });
    await button(page, "Screen").click();
    await bar(page).getByRole("group", { name: "Error" }).getByText("The screen was refused").waitFor();
    expect(await bar(page).getByText("Listening").count()).toBe(1);
    await button(page, "Close").click();
    await says(page, "and on");
    expect(page.problems).toEqual([]);
  });
});

describe("two tabs", () => {
  it("have one session: the other is told, takes it over, and gives it back", async () => {
    const first = await prepared(noting);
    await begin(first);
    await says(first, "hello");
    const other = await prepared(noting, new URL(first.url()).pathname);
    await talk(other).click();
    const card = (page: Page) => bar(page).getByRole("group", { name: "Error" });
    await card(other).getByText("being talked in another tab or window").waitFor();
    expect(await opened(other)).toEqual([]);
    await button(other, "Talk here instead").click();
    await bar(other).getByText("Listening").waitFor();
    await card(first).getByText("This conversation goes on in another tab or window").waitFor();
    // Who was left hears no more.
    expect(await first.evaluate(() => (window as unknown as { notes: { streams: MediaStream[] } }).notes.streams.every((stream) => stream.getTracks().every(({ readyState }) => readyState === "ended")))).toBe(true);
    await says(other, "still here");
    await users(first).filter({ hasText: "still here" }).waitFor();
    // What is said there goes on here too: nothing of it is cut.
    await composer(other).fill("a few words that take a while to say");
    await composer(other).press("Enter");
    const answer = replies(first).nth(2);
    await answer.and(first.locator("[aria-busy=true]")).waitFor();
    expect(await answer.getByText("Stopped here").count()).toBe(0);
    await answer.filter({ hasText: "to say" }).and(first.locator("[data-status=complete]")).waitFor();
    await button(first, "Talk here instead").click();
    await bar(first).getByText("Listening").waitFor();
    await card(other).getByText("goes on in another tab or window").waitFor();
    // That is told of this conversation, and not in a new one.
    await other.keyboard.press("Control+Shift+o");
    await card(other).waitFor({ state: "detached" });
    expect(await button(other, "Talk here instead").count()).toBe(0);
    await says(first, "and back");
    for (const page of [first, other]) expect(page.problems).toEqual([]);
  });
});

describe.each(Object.entries(screens))("looks, %s", (kind, options) => {
  it("is calm with its devices, a picture, a button held down, and a microphone that is refused", async () => {
    await post("/test/voice", { sees: true });
    const page = await visit("/", options);
    await pill(page).filter({ hasText: "script" }).waitFor();
    await begin(page);
    await button(page, "More").click();
    await microphone(page).selectOption("Fake Audio Input 2");
    await bar(page).getByText("Listening").waitFor();
    await judge(page, `devices-${kind}`);
    await button(page, "Camera").click();
    await page.getByLabel("What the model is shown").waitFor();
    await page.getByLabel("Hold a button to talk").check();
    await button(page, "Hold to talk").dispatchEvent("pointerdown", { pointerId: 1 });
    await bar(page).getByText("You are speaking").waitFor();
    await judge(page, `devices-held-${kind}`);
    await button(page, "Hold to talk").dispatchEvent("pointerup", { pointerId: 1 });
    await button(page, "End").click();
    await page.evaluate(() => { navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("no", "NotAllowedError")); });
    await talk(page).click();
    await bar(page).getByText("The microphone was refused").waitFor();
    await judge(page, `devices-refused-${kind}`);
    expect(page.problems).toEqual([]);
  });
});
