// What every view is held to, on each kind of screen: no violation that axe knows, nothing wider than the page.
// SHOTS=1 keeps pictures in tests/shots for people to look at.
import axe from "axe-core";
import { mkdirSync } from "node:fs";
import type { Page } from "playwright-core";
import { expect } from "vitest";

const shots = new URL("../shots/", import.meta.url).pathname;
if (process.env.SHOTS) mkdirSync(shots, { recursive: true });

export const kinds = {
  light: { colorScheme: "light" },
  dark: { colorScheme: "dark" },
  phone: { colorScheme: "light", viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true },
  narrow: { colorScheme: "light", viewport: { width: 320, height: 640 } },
} as const;

export async function judge(page: Page, name: string): Promise<void> {
  await page.waitForTimeout(250);
  if (process.env.SHOTS) await page.screenshot({ path: `${shots}${name}.png` });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  expect(wide, `${name} is wider than the page`).toBeLessThanOrEqual(0);
  // The content security policy forbids what axe's own injection does, so it comes in by the debugger.
  await page.evaluate(axe.source);
  const found = await page.evaluate(async () => {
    const { axe } = window as unknown as { axe: { run: (root: Document, options: object) => Promise<{ violations: { id: string; nodes: { html: string; failureSummary?: string }[] }[] }> } };
    const result = await axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] });
    return result.violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.html.slice(0, 160)} ${node.failureSummary ?? ""}`).join(" | ")}`);
  });
  expect(found, name).toEqual([]);
}
