// The plain way, for comparison: the whole message made anew each time, its code coloured and its formulas set, as by a
// renderer that gives HTML.
import type { Finery } from "../../src/markdown/dom";
import { highlight } from "../../src/markdown/highlight";
import { typeset } from "../../src/markdown/mathematics";
import { MarkdownStream as Tail } from "../../src/markdown/stream";

const atOnce: Finery = {
  code: (target, language, text) => highlight(target, language.toLowerCase(), text),
  math: typeset,
};

export class MarkdownStream {
  constructor(readonly root: HTMLElement) {}

  update(text: string): void {
    this.root.replaceChildren();
    new Tail(this.root, atOnce).update(text);
  }
}
