// Talking with models that answer in writing, on the real program: a fake microphone that spells words in tones, the ears
// and the voice for tests, and what a plugin and a hosted API are asked.
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { at, choose, closeAll, composer, pill, post, replies, send, useBrowser, visit } from "../browser/browser";
import { dropIn, type Server, serve, VOICE } from "./server";
import { played, record, spelled, wav, wordsOf } from "./tones";
import { type Vendor, vendor } from "./vendor";

const folder = mkdtempSync(join(tmpdir(), "consort-talk-"));
const spoken = join(folder, "spoken.wav");
const QUESTION = "what is a fjord";
const question = spelled(QUESTION);
// A while of silence, the question, and silence. In its first two seconds Chromium's fake microphone skips a little.
wav(spoken, 40, (time) => (time > 3 ? question(time - 3) : 0));

let server: Server;
let mute: Server;
let acme: Vendor;
useBrowser(["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", "--autoplay-policy=no-user-gesture-required", `--use-file-for-fake-audio-capture=${spoken}%noloop`]);
beforeAll(async () => {
  acme = await vendor();
  server = await serve({ vendor: acme.url, tools: true, voice: true });
  mute = await serve();
  for (const one of [server, mute]) writeFileSync(join(one.plugins, "parrot.py"), dropIn("return f'Parrot: {user_message.splitlines()[-1].removeprefix(\"User: \")}'"));
  at(server.url);
  await fetch(`${server.url}/api/keys/acme`, { method: "PUT", body: JSON.stringify({ value: "good-key" }), headers: { "Content-Type": "application/json" } });
});
afterEach(closeAll);
afterAll(async () => {
  acme?.close();
  await server?.kill();
  await mute?.kill();
});

const bar = (page: Page) => page.getByRole("region", { name: "Live session" });
const button = (page: Page, name: string) => bar(page).getByRole("button", { name, exact: true });
const talk = (page: Page) => page.locator("#talk");
const users = (page: Page) => page.locator("[data-turn][aria-label^='You']");
const over = (page: Page, reply: number) => replies(page).nth(reply).and(page.locator("[aria-busy=false]"));
const textsOf = (page: Page) => users(page).locator(".text").allTextContents();

/** A page that keeps what it plays, at a conversation or with a model chosen. */
async function opened(place: { model?: string; path?: string; url?: string }): Promise<Page & { problems: string[] }> {
  const page = await visit("/health-is-no-page", {});
  await record(page);
  // What a browser does to make speech clear takes tones for noise.
  await page.addInitScript(() => {
    const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    navigator.mediaDevices.getUserMedia = () => ask({ audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false, channelCount: 1 } });
  });
  await page.goto((place.url ?? server.url) + (place.path ?? "/"));
  await pill(page).filter({ hasText: "LLM Plugin:" }).waitFor();
  // Who sends before the models are known is shown their list.
  await page.waitForLoadState("networkidle");
  if (place.model) await choose(page, place.model);
  await talk(page).waitFor();
  return page;
}

it("a plugin hears the question, is heard in tones, and goes on in writing", async () => {
  const page = await opened({ model: "parrot" });
  await talk(page).click();
  await bar(page).getByText("Listening").waitFor();
  await bar(page).getByText("parrot is speaking").waitFor();
  await over(page, 0).waitFor();
  expect(await textsOf(page)).toEqual([QUESTION]);
  expect(await replies(page).first().getAttribute("aria-label")).toMatch(/^parrot replied/);
  expect(await replies(page).first().locator(".prose").textContent()).toContain(`Parrot: ${QUESTION}`);
  await page.waitForTimeout(300);
  expect(wordsOf(await played(page)).join(" ")).toBe(`Parrot: ${QUESTION}`);
  // In words, in the same session: it is answered aloud.
  await composer(page).fill("and a skerry");
  await composer(page).press("Enter");
  await replies(page).nth(1).filter({ hasText: "Parrot: and a skerry" }).waitFor();
  await over(page, 1).waitFor();
  await page.waitForTimeout(300);
  expect(wordsOf(await played(page)).join(" ")).toContain("Parrot: and a skerry");
  const sounds = (await played(page)).samples.length;
  await button(page, "End").click();
  await bar(page).waitFor({ state: "detached" });
  // The same conversation goes on in writing, and nothing is played any more.
  await send(page, "now in writing");
  expect(await replies(page).nth(2).locator(".prose").textContent()).toContain("Parrot: now in writing");
  const after = (await played(page)).samples.slice(sounds);
  expect(after.every((sample) => Math.abs(sample) < 0.001)).toBe(true);
  await page.reload();
  await replies(page).nth(2).waitFor();
  expect(await textsOf(page)).toEqual([QUESTION, "and a skerry", "now in writing"]);
  // What was spoken is that plugin's answer: it can be asked for again, in writing.
  await replies(page).first().hover();
  await replies(page).first().getByRole("button", { name: "Retry", exact: true }).click();
  await page.getByText("2/2").waitFor();
  expect(page.problems).toEqual([]);
});

it("an answer that hangs is given up by Escape, and the next one is given", async () => {
  writeFileSync(join(server.plugins, "slow.py"), dropIn("if 'wait' in user_message.splitlines()[-1]: time.sleep(60)\n        return 'Here: ' + user_message.splitlines()[-1]", "import time\n"));
  const page = await opened({ model: "slow" });
  await composer(page).fill("wait");
  await talk(page).click();
  await composer(page).press("Enter");
  await bar(page).getByText("Waiting for slow").waitFor();
  await page.keyboard.press("Escape");
  await button(page, "Interrupt").waitFor({ state: "detached" });
  await composer(page).fill("and now");
  await composer(page).press("Enter");
  await replies(page).filter({ hasText: /Here: (User: )?and now/ }).waitFor();
  await button(page, "End").click();
  await bar(page).waitFor({ state: "detached" });
  expect(page.problems).toEqual([]);
});

it("a hosted model gets the conversation's prompt, options and tools, and later what was heard", async () => {
  const settings = { system: "Be kind.", sampling: { temperature: 0.25, max_tokens: 333 }, tools: ["notes__read"] };
  const { rows } = (await (await fetch(`${server.url}/api/tools`)).json()) as { rows: { name: string }[] };
  settings.tools = rows.map(({ name }) => name).filter((name) => name.includes("read")).slice(0, 1);
  expect(settings.tools).toHaveLength(1);
  const { id } = (await post("/conversations", { model: "acme/large", settings })) as { id: string };
  const page = await opened({ path: `/c/${id}` });
  await send(page, "remember the herring");
  await talk(page).click();
  await bar(page).getByText("acme/large is speaking").waitFor();
  await over(page, 1).waitFor();
  const aloud = acme.asked.at(-1);
  expect(aloud).toMatchObject({ model: "large", temperature: 0.25, max_tokens: 333, messages: [
    { role: "system", content: "Be kind." }, { role: "user", content: "remember the herring" }, { role: "assistant", content: "You said: remember the herring" }, { role: "user", content: QUESTION },
  ] });
  expect(aloud?.tools?.map((tool) => tool.function.name)).toEqual(settings.tools);
  // A tool waits above the bar.
  await composer(page).fill("[tool read]");
  await composer(page).press("Enter");
  await page.getByRole("group", { name: `Approve ${settings.tools[0]}` }).waitFor();
  await page.getByRole("button", { name: "Allow once" }).click();
  await replies(page).filter({ hasText: "buy milk" }).waitFor();
  await page.locator("[data-turn][aria-label*='replied'][aria-busy=true]").waitFor({ state: "detached" });
  await button(page, "End").click();
  await bar(page).waitFor({ state: "detached" });
  await send(page, "and in writing");
  const texts = acme.asked.at(-1)?.messages.map(({ role, content }) => `${role}: ${typeof content === "string" ? content : JSON.stringify(content)}`).join("\n") ?? "";
  for (const line of [`user: ${QUESTION}`, `assistant: You said: ${QUESTION}`, "buy milk", "user: and in writing"]) expect(texts).toContain(line);
  // What it cost is counted as that model's.
  const { conversation, turns } = (await (await fetch(`${server.url}/api/conversations/${id}`)).json()) as { conversation: { cost: number }; turns: { role: string; model: string; cost: number | null }[] };
  const answers = turns.filter(({ role }) => role === "assistant");
  expect(new Set(answers.map(({ model }) => model))).toEqual(new Set(["acme/large"]));
  // Each question costs the same; the rounds of a tool are booked with the answer that they led to.
  const costs = answers.map(({ cost }) => cost ?? 0);
  expect(costs.every((cost) => cost % 600_000 === 0), String(costs)).toBe(true);
  expect(conversation.cost).toBe(costs.reduce((sum, cost) => sum + cost, 0));
  expect(conversation.cost).toBeGreaterThanOrEqual(5 * 600_000);
  expect(page.problems).toEqual([]);
});

it("without ears it says what to set and where, and is tried again once that is saved", async () => {
  const page = await opened({ url: mute.url, model: "parrot" });
  await page.evaluate(() => { navigator.mediaDevices.getUserMedia = () => Promise.reject(new Error("nobody may be asked yet")); });
  await talk(page).click();
  const card = bar(page).getByRole("group", { name: "Error" });
  await card.getByText("parrot answers in writing; to talk with it, it needs ears and a voice").waitFor();
  const words = (await card.textContent()) ?? "";
  for (const part of ["set ears below [voice] in consort.toml", "set voice below [voice] in consort.toml", "openai/", "espeak-ng", "consort.toml; what is saved in it counts a moment later"]) expect(words).toContain(part);
  await button(page, "Close").click();
  await bar(page).waitFor({ state: "detached" });
  await send(page, "in writing then");
  expect(await replies(page).first().textContent()).toContain("Parrot: in writing then");
  writeFileSync(mute.settings, VOICE);
  await expect.poll(async () => {
    await talk(page).click();
    const is = await Promise.race([card.getByText("it needs ears and a voice").waitFor().then(() => "refused"), bar(page).getByText("No microphone: write below").waitFor().then(() => "open")]);
    if (is === "refused") await button(page, "Close").click();
    return is;
  }, { timeout: 15_000, interval: 500 }).toBe("open");
  expect(page.problems).toEqual([]);
});
