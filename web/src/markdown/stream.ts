// Shows a growing text: blocks that cannot change any more are kept, only the tail is read again.
import type { Token, Tokens } from "marked";
import { Builder, type Finery, isClosed } from "./dom";
import { blocks, type Links } from "./lex";

interface Shown { token: Token; node: HTMLElement }

/** Long enough for the start of a line to say what the line is: at most nine digits and a mark make a list. */
const TELLING = 12;

export class MarkdownStream {
  #builder: Builder;
  #text = "";
  /** Where the tail starts: all before is shown and stays. */
  #frozen = 0;
  #tail: Shown[] = [];
  /** Definitions before the tail, and all that the nodes shown were made with. */
  #frozenLinks: Links = {};
  #links = "{}";
  /** How many of the root's children belong to the tail is `#tail.length`; these come before. */

  constructor(readonly root: HTMLElement, finery: Finery) {
    this.#builder = new Builder(finery);
  }

  /** Shows the text, which is usually the last one and some more. */
  update(text: string): void {
    // A line end may be cut in the middle.
    const next = text.replace(/\r$/, "").replace(/\r\n?/g, "\n");
    if (next === this.#text) return;
    if (!next.startsWith(this.#text)) this.#restart();
    const before = this.#text.length;
    this.#text = next;
    if (!this.#grewInFence(before)) this.#read();
  }

  #restart(): void {
    this.root.replaceChildren();
    this.#text = "";
    this.#frozen = 0;
    this.#tail = [];
    this.#frozenLinks = {};
    this.#links = "{}";
  }

  #read(): void {
    const links: Links = { ...this.#frozenLinks };
    const tokens = blocks(this.#text.slice(this.#frozen), links);
    const known = JSON.stringify(links);
    if (known !== this.#links && this.#frozen > 0) {
      // A definition can turn any text before it into a link.
      const text = this.#text;
      this.#restart();
      this.#text = text;
      this.#links = known;
      return this.#readAll();
    }
    const fresh = known !== this.#links;
    this.#links = known;
    this.#show(tokens, fresh);
    this.#freeze(tokens);
  }

  #readAll(): void {
    const tokens = blocks(this.#text, {});
    this.#show(tokens, true);
    this.#freeze(tokens);
  }

  /** Replaces the nodes of the tail that differ. */
  #show(tokens: Token[], anew: boolean): void {
    const visible = tokens.filter((token) => token.type !== "space" && token.type !== "def");
    const next: Shown[] = [];
    for (const [index, token] of visible.entries()) {
      const old = this.#tail[index];
      const node = old && !anew ? this.#kept(old, token) : null;
      if (node && old) {
        if (node !== old.node) old.node.replaceWith(node);
        next.push({ token, node });
        continue;
      }
      const made = this.#builder.block(token);
      if (made === null) continue;
      if (old) old.node.replaceWith(made);
      else this.root.append(made);
      next.push({ token, node: made });
    }
    for (const old of this.#tail.slice(visible.length)) old.node.remove();
    this.#tail = next;
  }

  /** The old node, if it shows this token already or can be made to by adding to it. */
  #kept(old: Shown, token: Token): HTMLElement | null {
    if (old.token.type !== token.type) return null;
    if (old.token.raw === token.raw) return old.node;
    if (token.type === "list") return this.#grownList(old, token as Tokens.List);
    if (token.type === "table") return this.#grownTable(old, token as Tokens.Table);
    return null;
  }

  #grownList({ token, node }: Shown, next: Tokens.List): HTMLElement | null {
    const old = token as Tokens.List;
    if (old.ordered !== next.ordered || old.start !== next.start || old.loose !== next.loose) return null;
    const same = samePrefix(old.items, next.items, (a, b) => a.raw === b.raw && a.loose === b.loose);
    cutTo(node, same);
    node.append(...next.items.slice(same).map((item) => this.#builder.item(item)));
    this.#builder.widen(node, next);
    return node;
  }

  #grownTable({ token, node }: Shown, next: Tokens.Table): HTMLElement | null {
    const old = token as Tokens.Table;
    const cells = (row: Tokens.TableCell[]): string => row.map((cell) => `${cell.align ?? ""}${cell.text}`).join("\0");
    const body = node.querySelector("tbody");
    if (body === null || cells(old.header) !== cells(next.header)) return null;
    const same = samePrefix(old.rows, next.rows, (a, b) => cells(a) === cells(b));
    cutTo(body, same);
    body.append(...next.rows.slice(same).map((row) => this.#builder.row(row, "td")));
    return node;
  }

  /**
   * Everything before a block stays as it is when an empty line stands between, and the block's first line starts
   * with text that cannot go on what is before (no indentation, and enough of it to know).
   */
  #freeze(tokens: Token[]): void {
    let at = this.#frozen;
    let cut = -1;
    let cutIndex = 0;
    let visible = 0;
    for (const token of tokens) {
      if (token.type !== "space" && visible > 0 && this.#isBorder(at)) {
        cut = at;
        cutIndex = visible;
      }
      if (token.type !== "space" && token.type !== "def") visible += 1;
      at += token.raw.length;
    }
    if (cut < 0) return;
    blocks(this.#text.slice(this.#frozen, cut), this.#frozenLinks);
    this.#frozen = cut;
    this.#tail = this.#tail.slice(cutIndex);
  }

  #isBorder(at: number): boolean {
    const text = this.#text;
    if (/\s/.test(text[at] ?? " ") || !/\n[ \t]*\n$/.test(text.slice(Math.max(0, at - 200), at))) return false;
    const line = text.indexOf("\n", at);
    return line >= 0 || text.length - at >= TELLING;
  }

  /** The usual long tail is a fence that is still open: its text only grows. */
  #grewInFence(before: number): boolean {
    const last = this.#tail.at(-1);
    if (last?.token.type !== "code") return false;
    const token = last.token as Tokens.Code;
    const open = /^(`{3,}|~{3,})/.exec(token.raw)?.[1];
    // The last lines are looked at again whole: an end can arrive in pieces.
    if (open === undefined || isClosed(token) || !this.#text.slice(0, before).endsWith(token.raw)) return false;
    const lineStart = this.#text.lastIndexOf("\n", before - 1) + 1;
    if (lineStart <= before - token.raw.length) return false;
    const added = this.#text.slice(before);
    if (this.#text.slice(lineStart).split("\n").some((line) => /^ {0,3}[`~]/.test(line))) return false;
    // What the lexer strips at the very end of an open fence is text again once more follows.
    if (!token.raw.endsWith(token.text) || token.text === "") return false;
    const node = last.node.querySelector("code")?.firstChild;
    if (!(node instanceof Text) || added.endsWith("\n")) return false;
    node.appendData(added);
    token.raw += added;
    token.text += added;
    return true;
  }
}

function samePrefix<T>(old: T[], next: T[], same: (a: T, b: T) => boolean): number {
  let index = 0;
  for (const [at, item] of next.entries()) {
    const before = old[at];
    if (before === undefined || !same(before, item)) break;
    index += 1;
  }
  return index;
}

function cutTo(node: Element, length: number): void {
  while (node.children.length > length) node.lastElementChild?.remove();
}
