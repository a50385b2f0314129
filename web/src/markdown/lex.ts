// Markdown and mathematics to tokens. The lexer is marked's; what differs is said here.
import { Lexer, Marked, type MarkedExtension, type Token, type Tokens } from "marked";

export type Links = Record<string, Pick<Tokens.Link | Tokens.Image, "href" | "title">>;

export interface MathToken { type: "math"; raw: string; text: string; display: boolean }

// Display mathematics stands at the start of a line and holds no empty line, as in TeX; so an open `$$` cannot
// reach over blocks that are shown already.
const DISPLAY = /^ {0,3}(?:\$\$((?:(?!\n[ \t]*\n)[^$])+?)\$\$|\\\[((?:(?!\n[ \t]*\n)[\s\S])+?)\\\])[ \t]*(?:\n|$)/;
const INLINE = /^(?:\$\$([^$\n]+?)\$\$|\$(?![\s$])((?:\\[^\n]|[^\\\n$])+?)(?<!\s)\$(?![\d$])|\\\(([^\n]+?)\\\)|\\\[([^\n]+?)\\\])/;

const math: MarkedExtension = {
  extensions: [
    {
      name: "math-block",
      level: "block",
      start: (src) => {
        for (const found of src.matchAll(/(?:^|\n)(?= {0,3}(?:\$\$|\\\[))/g)) {
          const at = found.index + found[0].length;
          if (DISPLAY.test(src.slice(at))) return at;
        }
        return undefined;
      },
      tokenizer: (src) => {
        const found = DISPLAY.exec(src);
        if (!found) return undefined;
        return { type: "math", raw: found[0], text: (found[1] ?? found[2] ?? "").trim(), display: true } satisfies MathToken;
      },
    },
    {
      name: "math-inline",
      level: "inline",
      start: (src) => {
        const at = src.search(/\$|\\[([]/);
        return at < 0 ? undefined : at;
      },
      tokenizer: (src) => {
        const found = INLINE.exec(src);
        if (!found) return undefined;
        const text = (found[1] ?? found[2] ?? found[3] ?? found[4] ?? "").trim();
        return { type: "math", raw: found[0], text, display: found[1] !== undefined || found[4] !== undefined } satisfies MathToken;
      },
    },
  ],
  tokenizer: {
    // HTML is shown as the text it is. marked's own rule remembers open tags from one block to the next, which
    // would make a block depend on all before it.
    tag(src) {
      const found = this.rules.inline.tag.exec(src);
      if (!found) return undefined;
      return { type: "html", raw: found[0], inLink: false, inRawBlock: false, block: false, text: found[0] };
    },
  },
};

const { defaults } = new Marked({ gfm: true }, math);

/** The blocks of a text. Definitions of links that it holds are added to `links`. */
export function blocks(source: string, links: Links): Token[] {
  const lexer = new Lexer(defaults);
  lexer.tokens.links = links;
  return lexer.lex(source);
}
