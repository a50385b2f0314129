// What the tests of voice mode do with it again and again.
import type { Locator, Page } from "playwright-core";
import { expect } from "vitest";
import { pill, url, visit } from "./browser";
import { kinds } from "./judge";

/** Devices that are made up: two microphones, two speakers, a camera and a screen. */
export const FAKE = ["--use-fake-device-for-media-stream", "--autoplay-policy=no-user-gesture-required"];
export const ALLOWED = [...FAKE, "--use-fake-ui-for-media-stream"];

export const bar = (page: Page): Locator => page.getByRole("region", { name: "Live session" });
export const button = (page: Page, name: string): Locator => bar(page).getByRole("button", { name, exact: true });
export const talk = (page: Page): Locator => page.getByRole("region", { name: "Message" }).locator("form").getByRole("button", { name: "Talk", exact: true });
export const users = (page: Page): Locator => page.locator("[data-turn][aria-label^='You']");
/** The conversations that the page lists. */
export const listed = (page: Page): Locator => page.getByRole("navigation", { name: "Conversations" }).locator(".list li a");
export const pressed = (page: Page): Promise<string | null> => talk(page).getAttribute("aria-pressed");

/** A page that is prepared before it is opened. */
export async function prepared(prepare: (page: Page) => Promise<unknown>, path = "/"): Promise<Page & { problems: string[] }> {
  const page = await visit("/health-is-no-page");
  await prepare(page);
  await page.goto(url() + path);
  await pill(page).filter({ hasText: "script" }).waitFor();
  await talk(page).waitFor();
  return page;
}

/** A session is begun, and hears. */
export async function begin(page: Page): Promise<void> {
  await talk(page).click();
  await bar(page).getByText("Listening").waitFor();
}

/** Who talks does so at night on a phone, too. */
export const screens = { ...kinds, night: { ...kinds.phone, colorScheme: "dark" } } as const;

export interface Row { id: string; title: string | null; turns: number }

/** The conversations that the server has. */
export async function rows(): Promise<Row[]> {
  return ((await (await fetch(`${url()}/api/conversations`)).json()) as { rows: Row[] }).rows;
}

/** Whatever is done, no conversation is left that was not there before. */
export async function leavesNothing(work: () => Promise<void>): Promise<void> {
  const before = (await rows()).map(({ id }) => id);
  await work();
  await expect.poll(async () => (await rows()).map(({ id }) => id)).toEqual(before);
}
