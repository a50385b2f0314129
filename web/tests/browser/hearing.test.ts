// What a live session hears and plays: the microphone to its last piece, a voice that interrupts, and what is kept of it.
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterEach, expect, it } from "vitest";
import { record, played, voiced, wav } from "../real/tones";
import { closeAll, composer, post, replies, useBrowser } from "./browser";
import { ALLOWED, bar, begin, button, prepared, talk, users } from "./talking";

const spoken = join(mkdtempSync(join(tmpdir(), "consort-hearing-")), "spoken.wav");
// Silence, nearly a second of a voice, and silence.
wav(spoken, 60, (time) => (time > 4 && time < 4.8 ? voiced(time) : 0));
useBrowser([...ALLOWED, `--use-file-for-fake-audio-capture=${spoken}%noloop`]);
afterEach(async () => {
  await post("/test/voice", {});
  await closeAll();
});

const LONG = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty "
  + "and on and on and on and on and on and on and on and on and on and on and on and on and on and on and on and on";
const loudest = (samples: number[]): number => samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);

/** The microphone is a tone that the test turns on and off, exactly where in time it says. */
const instrument = (page: Page): Promise<unknown> => page.addInitScript(() => {
  const made = (): MediaStream => {
    const context = new AudioContext();
    const [tone, gain, to] = [context.createOscillator(), context.createGain(), context.createMediaStreamDestination()];
    gain.gain.value = 0;
    tone.connect(gain).connect(to);
    tone.start();
    Object.assign(window, { context, gain });
    return to.stream;
  };
  navigator.mediaDevices.getUserMedia = () => Promise.resolve(made());
});

it("a push is heard to its last piece", async () => {
  await post("/test/voice", { hears: true });
  const page = await prepared(instrument);
  await begin(page);
  await button(page, "More").click();
  await page.getByLabel("Hold a button to talk").check();
  const hold = button(page, "Hold to talk");
  for (const push of [0, 1, 2]) {
    await hold.dispatchEvent("pointerdown", { pointerId: 1 });
    await bar(page).getByText("You are speaking").waitFor();
    await page.waitForTimeout(300);
    // Half a second of a tone, and the button is let go with it.
    await page.evaluate(async () => {
      const { context, gain } = window as unknown as { context: AudioContext; gain: GainNode };
      const begin = context.currentTime + 0.05;
      gain.gain.setValueAtTime(0.5, begin);
      gain.gain.setValueAtTime(0, begin + 0.5);
      while (context.currentTime < begin + 0.5) await new Promise((resolve) => setTimeout(resolve, 2));
      document.querySelector(".hold")?.dispatchEvent(new PointerEvent("pointerup", { pointerId: 1, bubbles: true }));
    });
    await users(page).nth(push).waitFor();
    const heard = Number(/\((\d+) ms/.exec((await users(page).nth(push).textContent()) ?? "")?.[1]);
    expect(heard).toBeGreaterThanOrEqual(497);
    expect(heard).toBeLessThanOrEqual(505);
    await replies(page).nth(push).and(page.locator("[aria-busy=false]")).waitFor();
  }
  expect(page.problems).toEqual([]);
});

it("a push that is taken up again at once is one turn", async () => {
  await post("/test/voice", { hears: true });
  const page = await prepared(instrument);
  await begin(page);
  await button(page, "More").click();
  await page.getByLabel("Hold a button to talk").check();
  await button(page, "Hold to talk").focus();
  await page.evaluate(() => void ((window as unknown as { gain: GainNode }).gain.gain.value = 0.5));
  await page.keyboard.down("Space");
  await page.waitForTimeout(400);
  await page.keyboard.up("Space");
  await page.keyboard.down("Space");
  await page.waitForTimeout(400);
  await page.keyboard.up("Space");
  await users(page).first().waitFor();
  await replies(page).first().and(page.locator("[aria-busy=false]")).waitFor();
  expect(await users(page).count()).toBe(1);
  expect(Number(/\((\d+) ms/.exec((await users(page).first().textContent()) ?? "")?.[1])).toBeGreaterThan(780);
});

it("is interrupted by a voice: what waits is not played, and what was heard is kept", async () => {
  // The sound comes ahead of its time, so that much of it waits when the voice comes.
  await post("/test/voice", { hears: true, ahead_ms: 1500 });
  const page = await prepared(record);
  await begin(page);
  await composer(page).fill(LONG);
  await composer(page).press("Enter");
  await bar(page).getByText("script is speaking").waitFor();
  await bar(page).getByText("You are speaking").waitFor();
  const { length } = (await played(page)).samples;
  // What it was cut at is known before the next answer: it speaks again once the voice is over.
  await replies(page).first().and(page.locator("[aria-busy=false]")).waitFor();
  const kept = ((await replies(page).first().locator(".prose").textContent()) ?? "").trim();
  await replies(page).first().getByText("Stopped here. What came is kept.").waitFor();
  await users(page).nth(1).waitFor();
  const { samples, rate } = await played(page);
  const quiet = samples.slice(length + Math.round(rate * 0.15), length + Math.round(rate * 0.6));
  expect(quiet.length).toBeGreaterThan(rate * 0.4);
  expect(loudest(quiet)).toBeLessThan(0.001);
  // As much as was played, in words of 160 ms; not what came ahead of it.
  expect(`You said: ${LONG}`.startsWith(kept)).toBe(true);
  const begun = samples.findIndex((sample) => Math.abs(sample) > 0.02);
  const words = (length - begun) / rate / 0.16;
  expect(kept.split(" ").length).toBeGreaterThan(words - 4);
  expect(kept.split(" ").length).toBeLessThanOrEqual(words + 1);
  expect(await users(page).nth(1).textContent()).toMatch(/\((7|8)\d\d ms of sound\)/);
  await replies(page).nth(1).filter({ hasText: "You said: (" }).and(page.locator("[aria-busy=false]")).waitFor();
  expect(page.problems).toEqual([]);
});

it("an answer that is ended in the middle is closed as cut, at once and for good", async () => {
  const page = await prepared(async () => {});
  await begin(page);
  await composer(page).fill(LONG);
  await composer(page).press("Enter");
  await replies(page).filter({ hasText: "You said: one two three" }).waitFor();
  await button(page, "End").click();
  await bar(page).waitFor({ state: "detached" });
  const answer = replies(page).first();
  await answer.getByText("Stopped here. What came is kept.").waitFor();
  expect(await answer.getAttribute("aria-busy")).toBe("false");
  expect(await answer.textContent()).toContain("You said: one");
  // What is stored is what was heard, and comes in its place.
  await page.waitForTimeout(2500);
  const stored = ((await answer.locator(".prose").textContent()) ?? "").trim();
  await page.reload();
  await answer.getByText("Stopped here. What came is kept.").waitFor();
  expect(((await answer.locator(".prose").textContent()) ?? "").trim()).toBe(stored);
  // It goes on in writing.
  await composer(page).fill("#fast and in writing");
  await composer(page).press("Enter");
  await replies(page).nth(1).and(page.locator("[aria-busy=false]")).waitFor();
});

it("shows what is being said in each session of a conversation, also after it was left", async () => {
  const page = await prepared(async () => {});
  for (const round of [0, 1, 2]) {
    await begin(page);
    await composer(page).fill(`${LONG} ${round}`);
    await composer(page).press("Enter");
    await replies(page).nth(round).filter({ hasText: "You said: one two" }).and(page.locator("[aria-busy=true]")).waitFor();
    await button(page, "End").click();
    await replies(page).nth(round).getByText("Stopped here").waitFor();
    if (round === 0) continue;
    await page.keyboard.press("Control+Shift+o");
    await page.getByText("What shall we talk about?").waitFor();
    await page.goBack();
    await replies(page).nth(round).waitFor();
  }
});

it("a tool waits once, also when the connection was lost, and is answered on the other one", async () => {
  const page = await prepared(async () => {});
  await begin(page);
  await composer(page).fill("#tool");
  await composer(page).press("Enter");
  const asks = bar(page).getByRole("group", { name: "Approve add" });
  await asks.waitFor();
  await post("/test/hangup");
  await bar(page).getByText("The connection is lost. Trying again…").waitFor();
  await bar(page).getByText("Listening").waitFor();
  await asks.waitFor();
  expect(await asks.count()).toBe(1);
  await asks.getByRole("button", { name: "Allow once" }).click();
  await asks.waitFor({ state: "detached" });
  expect(page.problems).toEqual([]);
});

it("says how much of the sound came when it comes back, and nothing of it before", async () => {
  const page = await prepared(async () => {});
  const lines: { open: { received_ms?: number } | null; bytes: number; from: number }[] = [];
  page.on("websocket", (socket) => {
    if (!socket.url().endsWith("/api/voice")) return;
    const line = { open: null as { received_ms?: number } | null, bytes: 0, from: 0 };
    lines.push(line);
    socket.on("framesent", ({ payload }) => { if (typeof payload === "string" && !line.open) line.open = JSON.parse(payload) as { received_ms?: number }; });
    socket.on("framereceived", ({ payload }) => {
      if (typeof payload !== "string") return void (line.bytes += payload.length);
      const message = JSON.parse(payload) as { type: string; sent_ms: number };
      if (message.type === "opened") line.from = message.sent_ms;
    });
  });
  await begin(page);
  await composer(page).fill(LONG);
  await composer(page).press("Enter");
  await replies(page).filter({ hasText: "You said: one" }).waitFor();
  for (const round of [0, 1]) {
    await post("/test/hangup");
    await bar(page).getByText("The connection is lost. Trying again…").waitFor();
    await bar(page).getByText("script is speaking").waitFor();
    await page.waitForTimeout(300);
    const { bytes, from } = lines[round] ?? { bytes: 0, from: 0 };
    expect(bytes).toBeGreaterThan(0);
    expect(lines[round + 1]?.open?.received_ms).toBe(from + bytes / 48);
  }
  expect(lines[0]?.open).not.toHaveProperty("received_ms");
  expect(page.problems).toEqual([]);
});

it("goes on where it was when the connection was lost, and is tried again where that takes long", async () => {
  const page = await prepared(async () => {});
  await begin(page);
  await composer(page).fill(LONG);
  await composer(page).press("Enter");
  await replies(page).filter({ hasText: "You said: one" }).waitFor();
  await post("/test/hangup");
  await bar(page).getByText("The connection is lost. Trying again…").waitFor();
  await bar(page).getByText("script is speaking").waitFor();
  const answer = replies(page).first();
  await answer.and(page.locator("[aria-busy=false]")).waitFor();
  expect(await answer.textContent()).toContain("and on and on");
  expect(await answer.getByText("Stopped here").count()).toBe(0);
  expect(await talk(page).getAttribute("aria-pressed")).toBe("true");
  expect(page.problems).toEqual([]);
});
