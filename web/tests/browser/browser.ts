// A real Chromium, and what the tests do with it again and again.
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Locator, type Page } from "playwright-core";
import { afterAll, beforeAll, inject } from "vitest";

const ARGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

export const launch = (more: string[] = []): Promise<Browser> => chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: [...ARGS, ...more] });

let browser: Browser;
const opened: BrowserContext[] = [];

export function useBrowser(more: string[] = []): void {
  beforeAll(async () => {
    browser = await launch(more);
  });
  afterAll(async () => {
    await browser?.close();
  });
}

let place: string | undefined;

/** The tests that follow meet a server of their own. */
export const at = (url: string): void => void (place = url);

export const url = (): string => place ?? inject("url");

/** A new tab of a new visitor. Errors of the page fail the test that sees them in `page.problems`. */
export async function visit(path = "/", options: BrowserContextOptions = {}): Promise<Page & { problems: string[] }> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  opened.push(context);
  const page = Object.assign(await context.newPage(), { problems: [] as string[] });
  page.on("pageerror", (error) => page.problems.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error" && /Content Security Policy|Uncaught/.test(message.text())) page.problems.push(message.text());
  });
  // A loaded machine is slow, not wrong.
  page.setDefaultTimeout(15_000);
  page.setDefaultNavigationTimeout(30_000);
  await page.goto(url() + path);
  return page;
}

export async function closeAll(): Promise<void> {
  for (const context of opened.splice(0)) {
    // A page that is closed still asks for things: what a test answers in a server's place ends with it, and fails nothing.
    for (const page of context.pages()) await page.unrouteAll({ behavior: "ignoreErrors" });
    await context.close();
  }
}

export const composer = (page: Page): Locator => page.getByRole("textbox", { name: "Message" });
export const pill = (page: Page): Locator => page.locator("#plugin-pill");
export const replies = (page: Page): Locator => page.locator("[data-turn][aria-label*='replied']");

/** Sends a message and waits for the end of the reply, unless told not to. */
export async function send(page: Page, text: string, end = true): Promise<void> {
  const before = await replies(page).count();
  await composer(page).fill(text);
  await composer(page).press("Enter");
  await replies(page).nth(before).waitFor();
  if (end) await page.locator(`[data-turn][aria-label*='replied'] >> nth=${before}`).and(page.locator("[aria-busy=false]")).waitFor({ timeout: 30_000 });
}

/** Stands between the page and its socket: a command waits until `ask` is done, and fails with the error that it gives. */
export async function between(page: Page, ask: (command: { type: string; id: number }) => Promise<object | void> | object | void): Promise<void> {
  await page.routeWebSocket("**/api/live", (socket) => {
    const server = socket.connectToServer();
    socket.onMessage(async (text) => {
      const command = JSON.parse(String(text)) as { type: string; id: number };
      const error = await ask(command);
      if (error) socket.send(JSON.stringify({ type: "reply", id: command.id, error }));
      else server.send(text);
    });
  });
  await page.reload();
}

export async function choose(page: Page, name: string): Promise<void> {
  await pill(page).click();
  await page.getByRole("combobox", { name: "Search plugins and models" }).fill(name);
  await page.getByRole("row", { name }).first().waitFor();
  await page.keyboard.press("Enter");
}

export async function post(path: string, body: unknown = {}): Promise<unknown> {
  const answer = await fetch(`${url()}/api${path}`, { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });
  return answer.status === 204 ? null : answer.json();
}
