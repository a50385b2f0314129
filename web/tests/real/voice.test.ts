// Voice in the page, on the real program: a fake microphone that plays a file, and what comes out of the speaker.
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { at, choose, closeAll, composer, launch, pill, replies, useBrowser, visit } from "../browser/browser";
import { judge, kinds } from "../browser/judge";
import { type Server, serve } from "./server";
import { pitches, pitchOf, played, record, voiced, wav } from "./tones";

const folder = mkdtempSync(join(tmpdir(), "consort-voice-"));
const spoken = join(folder, "spoken.wav");
// A second of silence, nearly a second of a voice, and silence.
wav(spoken, 40, (time) => (time > 1 && time < 1.8 ? voiced(time) : 0));

const FAKE = ["--use-fake-device-for-media-stream", "--autoplay-policy=no-user-gesture-required"];
let server: Server;
useBrowser([...FAKE, "--use-fake-ui-for-media-stream", `--use-file-for-fake-audio-capture=${spoken}%noloop`]);
beforeAll(async () => {
  server = await serve();
  at(server.url);
});
afterEach(closeAll);
afterAll(async () => server?.kill());

const live = (page: Page) => page.getByRole("region", { name: "Live session" });
const button = (page: Page, name: string) => live(page).getByRole("button", { name });
const users = (page: Page) => page.locator("[data-turn][aria-label^='You']");
const over = (page: Page, reply: number) => replies(page).nth(reply).and(page.locator("[aria-busy=false]"));

/** A page with a live model chosen, that keeps what it plays. */
async function talker(model = "demo/live", path = "/"): Promise<Page & { problems: string[] }> {
  const page = await visit("/health-is-no-page", {});
  await record(page);
  await page.goto(server.url + path);
  await pill(page).filter({ hasText: "LLM Plugin:" }).waitFor();
  if (path === "/") await choose(page, model);
  await button(page, "Talk").waitFor();
  return page;
}

it("holds a conversation: it hears the microphone, answers in tones, and keeps both sides", async () => {
  const page = await talker();
  await button(page, "Talk").click();
  await live(page).getByText("Listening").waitFor();
  await live(page).getByText("demo/live is speaking").waitFor();
  await over(page, 0).waitFor();
  const user = (await users(page).first().textContent()) ?? "";
  expect(user).toMatch(/\(0\.[6-9] s of sound\)|\(1\.[0-2] s of sound\)/);
  const words = (/I heard [\d.]+ s of sound\./.exec((await replies(page).first().textContent()) ?? "") ?? [""])[0].split(" ");
  expect(words.length).toBe(6);
  await page.waitForTimeout(300);
  const heard = pitches(await played(page));
  expect(heard.map(Math.round)).toHaveLength(6);
  heard.forEach((pitch, index) => expect(pitch / pitchOf(words[index] ?? "")).toBeCloseTo(1, 1));
  expect(new Set(words.map(pitchOf)).size).toBeGreaterThan(2);
  // In words too, in the same session.
  await composer(page).fill("and now in words");
  await composer(page).press("Enter");
  await replies(page).filter({ hasText: "You said: and now in words" }).and(page.locator("[aria-busy=false]")).waitFor();
  expect(await composer(page).inputValue()).toBe("");
  await button(page, "End").click();
  await button(page, "Talk").waitFor();
  // A chat model goes on with what was said.
  await page.reload();
  await replies(page).nth(1).waitFor();
  expect(await users(page).count()).toBe(2);
  expect(page.problems).toEqual([]);
});

it("is interrupted by a key, and keeps what was heard", async () => {
  const page = await talker();
  await composer(page).fill("one two three four five six seven eight nine ten eleven twelve");
  await composer(page).press("Enter");
  await live(page).getByText("demo/live is speaking").waitFor();
  await page.waitForTimeout(700);
  await page.keyboard.press("Escape");
  await replies(page).first().getByText("Stopped here. What came is kept.").waitFor();
  const kept = (await replies(page).first().locator(".prose, [dir]").first().textContent()) ?? "";
  expect(kept).toMatch(/^You said: one/);
  expect(kept).not.toContain("eight");
  // Nothing of the rest is played.
  await page.waitForTimeout(500);
  const heard = pitches(await played(page)).length;
  expect(heard).toBeLessThanOrEqual(kept.trim().split(" ").length + 1);
  expect(page.problems).toEqual([]);
});

it("takes a push to talk, mutes, and shows pictures", async () => {
  const page = await talker();
  await button(page, "More").click();
  await page.getByLabel("Hold a button to talk").check();
  await button(page, "Talk").click();
  const hold = button(page, "Hold to talk");
  await hold.waitFor();
  await hold.dispatchEvent("pointerdown", { pointerId: 1 });
  await live(page).getByText("You are speaking").waitFor();
  await page.waitForTimeout(2500);
  await hold.dispatchEvent("pointerup", { pointerId: 1 });
  await over(page, 0).waitFor();
  expect(await users(page).first().textContent()).toContain("s of sound)");
  await page.getByLabel("Hold a button to talk").uncheck();
  await button(page, "Mute").click();
  await live(page).getByText("Muted").waitFor();
  await button(page, "Camera").click();
  await page.getByLabel("What the model is shown").waitFor();
  await page.waitForTimeout(1500);
  await composer(page).fill("what do you see");
  await composer(page).press("Enter");
  await replies(page).filter({ hasText: /You showed me \d picture/ }).waitFor();
  expect(page.problems).toEqual([]);
});

it("says that another tab has the session, and takes it over", async () => {
  const page = await talker();
  await composer(page).fill("hello");
  await composer(page).press("Enter");
  await over(page, 0).waitFor();
  const other = await talker("demo/live", new URL(page.url()).pathname);
  await button(other, "Talk").click();
  await other.getByText("being talked in another tab").first().waitFor();
  await other.getByRole("button", { name: "Talk here instead" }).click();
  await button(other, "End").waitFor();
  await page.getByText("goes on in another tab or window").first().waitFor();
  await composer(other).fill("still here");
  await composer(other).press("Enter");
  await replies(other).filter({ hasText: "You said: still here" }).waitFor();
  expect(page.problems).toEqual([]);
});

it("goes on where it was when the connection was lost", async () => {
  const page = await talker();
  await composer(page).fill("one two three four five six seven eight");
  await composer(page).press("Enter");
  await live(page).getByText("demo/live is speaking").waitFor();
  await page.context().setOffline(true);
  await page.evaluate(() => dispatchEvent(new Event("offline")));
  await page.waitForTimeout(300);
  await page.context().setOffline(false);
  await over(page, 0).waitFor();
  expect(await replies(page).first().textContent()).toContain("seven eight");
});

it("says why there is no microphone, and takes words all the same", async () => {
  const strict = await launch(FAKE);
  const context = await strict.newContext();
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  await page.goto(server.url);
  await pill(page).filter({ hasText: "LLM Plugin:" }).waitFor();
  await choose(page, "demo/live");
  await button(page, "Talk").click();
  await page.getByText("The microphone was refused").first().waitFor();
  await composer(page).fill("in words then");
  await composer(page).press("Enter");
  await replies(page).filter({ hasText: "You said: in words then" }).waitFor();
  await strict.close();
  for (const [broken, words] of [
    ["Object.defineProperty(navigator, 'mediaDevices', { value: undefined })", "may not use a microphone"],
    ["navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('none', 'NotFoundError'))", "There is no such microphone"],
  ] as const) {
    const other = await visit("/health-is-no-page");
    await other.addInitScript(broken);
    await other.goto(server.url);
    await pill(other).filter({ hasText: "LLM Plugin:" }).waitFor();
    await choose(other, "demo/live");
    await button(other, "Talk").click();
    await other.getByText(words).first().waitFor();
  }
});

it("leaves no chat where its tab is closed or dies before anything is said, and none where nothing was understood", async () => {
  const rows = async (): Promise<number> => ((await (await fetch(`${server.url}/api/conversations`)).json()) as { rows: object[] }).rows.length;
  const before = await rows();
  const deaf = async (): Promise<Page> => {
    const page = await talker();
    await page.evaluate(() => { navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("no", "NotAllowedError")); });
    await button(page, "Talk").click();
    await live(page).getByText("No microphone: write below").waitFor();
    return page;
  };
  const closed = await deaf();
  expect(await rows()).toBe(before + 1);
  await closed.close();
  await expect.poll(rows).toBe(before);
  // One that dies says nothing, and may come back for a while.
  const died = await deaf();
  const crash = died.waitForEvent("crash");
  void died.goto("chrome://crash").catch(() => {});
  await crash;
  expect(await rows()).toBe(before + 1);
  await expect.poll(rows, { timeout: 30_000, interval: 1000 }).toBe(before);
  // Somebody spoke, and what that was nobody knows: the chat is shown, and goes with the talk.
  const page = await talker();
  await button(page, "Talk").click();
  await live(page).getByText("You are speaking").waitFor();
  expect(new URL(page.url()).pathname).not.toBe("/");
  await composer(page).fill("not said");
  await button(page, "End").click();
  await expect.poll(rows).toBe(before);
  await expect.poll(() => new URL(page.url()).pathname).toBe("/");
  expect(await composer(page).inputValue()).toBe("not said");
});

it("leaves no chat where nothing was said, and closes an answer that is ended in the middle", async () => {
  const page = await talker();
  const rows = async (): Promise<number> => ((await (await fetch(`${server.url}/api/conversations`)).json()) as { rows: object[] }).rows.length;
  const before = await rows();
  await page.evaluate(() => { navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("no", "NotAllowedError")); });
  await button(page, "Talk").click();
  await live(page).getByText("No microphone: write below").waitFor();
  await button(page, "End").click();
  await expect.poll(rows).toBe(before);
  await composer(page).fill("one two three four five six seven eight nine ten eleven twelve");
  await composer(page).press("Enter");
  await live(page).getByText("demo/live is speaking").waitFor();
  await page.waitForTimeout(700);
  await button(page, "End").click();
  const cut = replies(page).first().getByText("Stopped here. What came is kept.");
  await cut.waitFor();
  // What is stored is what was heard, and comes in its place.
  const words = async (): Promise<string> => ((await replies(page).first().locator(".prose").textContent()) ?? "").trim();
  await expect.poll(words, { timeout: 10_000 }).not.toContain("twelve");
  const stored = await words();
  await page.reload();
  await cut.waitFor();
  expect(await words()).toBe(stored);
  expect(page.problems).toEqual([]);
});

const TEACHER = `from vision_agents.core.llm import realtime

class Teacher(realtime.Realtime):
    async def simple_response(self, text, processors=None, participant=None):
        self._emit_agent_speech_transcription('Good, ' + text)
        self._emit_audio_output_event(bytes([0, 32] * 20 + [0, 224] * 20) * 300, 24000)
        self._emit_audio_output_done_event()
        self._emit_response_event(text='Good, ' + text)
`;

/** What a guide of another project leaves to its reader: sound, and a client that is faked. */
const REST = `
audio_content = bytes([0, 16] * 4800)

class Chunk:
    def __init__(self, text): self.text = text

class FakeClient:
    async def mynativemethod(self, *args, **kwargs):
        return (Chunk(word) for word in ("I ", "was ", "asked."))

def create_llm(model):
    return MyRealtime(model, FakeClient())
`;

async function asks(page: Page, text: string): Promise<void> {
  await composer(page).fill(text);
  await composer(page).press("Enter");
}

it("talks with a live class in a Python file", async () => {
  writeFileSync(join(server.plugins, "teacher.py"), TEACHER);
  const page = await talker("teacher");
  await asks(page, "morning");
  await replies(page).filter({ hasText: "Good, morning" }).waitFor();
  await page.waitForTimeout(800);
  const { samples } = await played(page);
  expect(samples.filter((sample) => Math.abs(sample) > 0.2).length).toBeGreaterThan(5000);
  expect(page.problems).toEqual([]);
});

const guides = process.env.CONSORT_GUIDES;
it.skipIf(!guides)("talks with the example of the guide, as it is printed", async () => {
  const name = readdirSync(guides ?? "").find((file) => file.startsWith("001")) ?? "";
  const block = readFileSync(join(guides ?? "", name), "utf8").split("```python").map((rest) => rest.split("```")[0] ?? "").find((code) => code.includes("class MyRealtime"));
  writeFileSync(join(server.plugins, "my_realtime.py"), `${block}\n${REST}`);
  const page = await talker("my_realtime");
  // It speaks as soon as it is connected.
  await button(page, "Talk").click();
  const loud = async (): Promise<number> => (await played(page)).samples.filter((sample) => Math.abs(sample) > 0.1).length;
  await expect.poll(loud, { timeout: 15_000 }).toBeGreaterThan(4000);
  await asks(page, "hi");
  await replies(page).filter({ hasText: "I was asked." }).waitFor();
  await users(page).filter({ hasText: "hi" }).waitFor();
  expect(page.problems).toEqual([]);
});

describe.each(Object.entries(kinds))("looks, %s", (kind, options) => {
  it("is calm before, in and after a session, and when something is wrong", async () => {
    const page = await visit("/", options);
    await pill(page).filter({ hasText: "LLM Plugin:" }).waitFor();
    await choose(page, "demo/live");
    await button(page, "Talk").waitFor();
    await judge(page, `voice-ready-${kind}`);
    await button(page, "Talk").click();
    await live(page).getByText("demo/live is speaking").waitFor();
    await judge(page, `voice-speaking-${kind}`);
    await button(page, "More").click();
    await judge(page, `voice-more-${kind}`);
    await page.evaluate(() => { navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("no", "NotAllowedError")); });
    await button(page, "End").click();
    await button(page, "Talk").click();
    await page.getByText("The microphone was refused").first().waitFor();
    await judge(page, `voice-refused-${kind}`);
    expect(page.problems).toEqual([]);
  });
});
