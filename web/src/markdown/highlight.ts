// Colours for code, loaded when the first block of code is closed. Nodes are made from the parse, not from HTML.
import hljs from "highlight.js/lib/core";
import bash from "highlight.js/lib/languages/bash";
import c from "highlight.js/lib/languages/c";
import cpp from "highlight.js/lib/languages/cpp";
import csharp from "highlight.js/lib/languages/csharp";
import css from "highlight.js/lib/languages/css";
import diff from "highlight.js/lib/languages/diff";
import go from "highlight.js/lib/languages/go";
import ini from "highlight.js/lib/languages/ini";
import java from "highlight.js/lib/languages/java";
import javascript from "highlight.js/lib/languages/javascript";
import json from "highlight.js/lib/languages/json";
import kotlin from "highlight.js/lib/languages/kotlin";
import lua from "highlight.js/lib/languages/lua";
import makefile from "highlight.js/lib/languages/makefile";
import php from "highlight.js/lib/languages/php";
import python from "highlight.js/lib/languages/python";
import ruby from "highlight.js/lib/languages/ruby";
import rust from "highlight.js/lib/languages/rust";
import sql from "highlight.js/lib/languages/sql";
import swift from "highlight.js/lib/languages/swift";
import typescript from "highlight.js/lib/languages/typescript";
import xml from "highlight.js/lib/languages/xml";
import yaml from "highlight.js/lib/languages/yaml";

const languages = {
  bash, c, cpp, csharp, css, diff, go, ini, java, javascript, json, kotlin, lua, makefile, php, python, ruby, rust, sql,
  swift, typescript, xml, yaml,
};
for (const [name, language] of Object.entries(languages)) hljs.registerLanguage(name, language);

const COLOURS: Record<string, string> = {
  comment: "comment", quote: "comment", doctag: "comment",
  keyword: "word", literal: "word", "selector-tag": "word", meta: "word", tag: "word", name: "word", "variable.language": "word",
  number: "value", symbol: "value", "attr": "value", attribute: "value", "template-variable": "value",
  title: "name", "title.function": "name", "title.class": "name", built_in: "name", type: "name", section: "name", selector: "name",
  string: "string", regexp: "string", "char.escape": "string", link: "string",
  addition: "added", deletion: "removed",
};

interface Scope { scope?: string; children: (Scope | string)[] }

function nodes(scope: Scope): Node[] {
  return scope.children.map((child) => {
    if (typeof child === "string") return document.createTextNode(child);
    const colour = COLOURS[child.scope ?? ""] ?? COLOURS[(child.scope ?? "").split(".")[0] ?? ""];
    const span = document.createElement("span");
    if (colour) span.className = `hl-${colour}`;
    span.append(...nodes(child));
    return span;
  });
}

/** Long files are left plain: colours are not worth a page that stands still. */
const LIMIT = 60_000;

export function highlight(target: HTMLElement, language: string, text: string): void {
  if (text.length > LIMIT || !hljs.getLanguage(language)) return;
  const result = hljs.highlight(text, { language, ignoreIllegals: true });
  const tree = (result._emitter as unknown as { rootNode: Scope }).rootNode;
  if (target.textContent === text) target.replaceChildren(...nodes(tree));
}
