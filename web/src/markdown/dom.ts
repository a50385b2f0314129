// Tokens to nodes. Nothing is ever parsed as HTML: what is not known here is text.
import type { Token, Tokens } from "marked";
import type { MathToken } from "./lex";
import { decode, safeAddress } from "./text";

/** What makes code and mathematics beautiful, later: the text is readable before. */
export interface Finery {
  code(target: HTMLElement, language: string, text: string): void;
  math(target: HTMLElement, tex: string, display: boolean): void;
}

type Tag = keyof HTMLElementTagNameMap;

export function element<T extends Tag>(tag: T, className = "", ...children: (Node | string)[]): HTMLElementTagNameMap[T] {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

const inside = (token: Token): Token[] => ("tokens" in token && token.tokens ? token.tokens : []);

export class Builder {
  constructor(readonly finery: Finery) {}

  block(token: Token): HTMLElement | null {
    switch (token.type) {
      case "space":
      case "def":
        return null;
      case "hr":
        return element("hr");
      case "heading":
        return this.#heading(token as Tokens.Heading);
      case "code":
        return this.#code(token as Tokens.Code);
      case "blockquote": {
        const quote = element("blockquote", "", ...this.blocks(inside(token)));
        quote.dir = "auto";
        return quote;
      }
      case "list":
        return this.list(token as Tokens.List);
      case "table":
        return this.table(token as Tokens.Table);
      case "math":
        return this.#math(token as unknown as MathToken, "div");
      case "html":
        return element("p", "raw", (token as Tokens.HTML).text.trimEnd());
      default: {
        const paragraph = element("p", "", ...this.inlines(inside(token), token.raw));
        paragraph.dir = "auto";
        return paragraph;
      }
    }
  }

  blocks(tokens: Token[]): HTMLElement[] {
    return tokens.map((token) => this.block(token)).filter((made) => made !== null);
  }

  inlines(tokens: Token[], raw = ""): (Node | string)[] {
    return tokens.length === 0 && raw !== "" ? [decode(raw)] : tokens.map((token) => this.#inline(token));
  }

  #inline(token: Token): Node | string {
    switch (token.type) {
      case "strong":
      case "em":
      case "del":
        return element(token.type, "", ...this.inlines(inside(token)));
      case "codespan":
        return element("code", "", (token as Tokens.Codespan).text);
      case "br":
        return element("br");
      case "link":
        return this.#link(token as Tokens.Link);
      case "image":
        return this.#image(token as Tokens.Image);
      case "math":
        return this.#math(token as unknown as MathToken, "span");
      case "html":
        return /^<br\s*\/?>$/i.test(token.raw) ? element("br") : token.raw;
      case "escape":
        return (token as Tokens.Escape).text;
      case "text":
        if (inside(token).length > 0) return element("span", "", ...this.inlines(inside(token)));
        return decode((token as Tokens.Text).text);
      default:
        return token.raw;
    }
  }

  /** Headings of a reply stand below those of the page. */
  #heading(token: Tokens.Heading): HTMLElement {
    const level = Math.min(6, token.depth + 2) as 3 | 4 | 5 | 6;
    const heading = element(`h${level}`, `h${token.depth}`, ...this.inlines(token.tokens));
    heading.dir = "auto";
    return heading;
  }

  #link(token: Tokens.Link): Node {
    const url = safeAddress(decode(token.href));
    const label = this.inlines(token.tokens);
    if (url === null) return element("span", "no-link", ...label);
    const link = element("a", "", ...label);
    link.href = url.href;
    link.rel = "noopener noreferrer nofollow";
    link.target = "_blank";
    link.title = token.title ? `${decode(token.title)} (${url.host || url.pathname})` : url.host || url.pathname;
    return link;
  }

  /** An image of elsewhere would tell its server that it was seen, and what its address was made to say. */
  #image(token: Tokens.Image): Node {
    const url = safeAddress(decode(token.href));
    const label = decode(token.text) || "image";
    if (url === null || url.protocol === "mailto:") return element("span", "no-link", label);
    const link = element("a", "remote-image", `${label} (image at ${url.host})`);
    link.href = url.href;
    link.rel = "noopener noreferrer nofollow";
    link.target = "_blank";
    return link;
  }

  #math(token: MathToken, tag: "div" | "span"): HTMLElement {
    const target = element(tag, token.display ? "math display" : "math", token.text);
    if (token.display) target.tabIndex = 0;
    this.finery.math(target, token.text, token.display);
    return target;
  }

  #code(token: Tokens.Code): HTMLElement {
    const language = (token.lang ?? "").split(/[\s,{]/)[0] ?? "";
    const code = element("code", "", token.text);
    const pre = element("pre", "", code);
    pre.tabIndex = 0;
    pre.setAttribute("role", "group");
    pre.setAttribute("aria-label", language ? `Code, ${language}` : "Code");
    const copy = element("button", "copy", "Copy");
    copy.type = "button";
    copy.dataset.copy = "code";
    const block = element("div", "code", element("div", "code-head", element("span", "", language || "text"), copy), pre);
    if (isClosed(token)) this.finery.code(code, language, token.text);
    return block;
  }

  list(token: Tokens.List): HTMLElement {
    const list = token.ordered ? element("ol") : element("ul");
    if (list instanceof HTMLOListElement && typeof token.start === "number" && token.start !== 1) list.start = token.start;
    list.append(...token.items.map((item) => this.item(item)));
    this.widen(list, token);
    return list;
  }

  /** Room for the longest number of a list; short ones have it by the stylesheet. */
  widen(list: HTMLElement, { ordered, start, items }: Tokens.List): void {
    const digits = String((start || 1) + items.length - 1).length;
    if (ordered && digits > 2) list.style.paddingInlineStart = `${(0.9 + 0.6 * digits).toFixed(1)}em`;
  }

  item(item: Tokens.ListItem): HTMLElement {
    const made = element("li", item.task ? "task" : "");
    made.dir = "auto";
    if (item.task) {
      const box = element("input");
      box.type = "checkbox";
      box.checked = item.checked ?? false;
      box.disabled = true;
      box.setAttribute("aria-label", item.checked ? "done" : "to do");
      made.append(box);
    }
    for (const token of item.tokens) {
      if (token.type === "checkbox") continue;
      if (token.type === "text" && !item.loose) made.append(...this.inlines(inside(token), token.raw));
      else made.append(...this.blocks([token]));
    }
    return made;
  }

  table(token: Tokens.Table): HTMLElement {
    const head = element("thead", "", this.row(token.header, "th"));
    const body = element("tbody", "", ...token.rows.map((row) => this.row(row, "td")));
    const wrap = element("div", "table", element("table", "", head, body));
    wrap.tabIndex = 0;
    wrap.setAttribute("role", "group");
    wrap.setAttribute("aria-label", "Table");
    return wrap;
  }

  row(cells: Tokens.TableCell[], tag: "th" | "td"): HTMLElement {
    return element("tr", "", ...cells.map((cell) => {
      const made = element(tag, cell.align ? `to-${cell.align}` : "", ...this.inlines(cell.tokens));
      made.dir = "auto";
      return made;
    }));
  }
}

/** Whether a fence has its end, or the code needs none. */
export function isClosed(token: Tokens.Code): boolean {
  const open = /^ {0,3}(`{3,}|~{3,})/.exec(token.raw)?.[1];
  if (open === undefined) return true;
  const last = token.raw.trimEnd().split("\n");
  const end = last.at(-1)?.trim() ?? "";
  return last.length > 1 && end.length >= open.length && end === (open[0] ?? "").repeat(end.length);
}
