// Rules of the source that a program can check.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "../..");
const files = (folder: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
const sources = files("src").filter((file) => /\.(ts|svelte)$/.test(file));

describe("the source", () => {
  it("never turns text into HTML", () => {
    const found = sources.filter((file) => /\{@html|innerHTML|outerHTML|insertAdjacentHTML|document\.write|setHTMLUnsafe/.test(readFileSync(file, "utf8")));
    expect(found).toEqual([]);
  });

  it("names no address that the page would load from elsewhere", () => {
    const found = sources.concat(join(root, "index.html")).filter((file) => /(?:src|href|url\(|import\()\s*=?\s*["'`(]?https?:/.test(readFileSync(file, "utf8")));
    expect(found).toEqual([]);
  });

  it("is in files that do one thing, and say which in the first line", () => {
    for (const file of sources) {
      const lines = readFileSync(file, "utf8").split("\n");
      expect(lines[0], file).toMatch(/^(\/\/|<!--) \S/);
      expect(lines.length, file).toBeLessThan(300);
    }
  });

  it("locks versions without naming a registry", () => {
    expect(readFileSync(join(root, "package-lock.json"), "utf8")).not.toMatch(/"resolved":|registry\./);
  });
});
