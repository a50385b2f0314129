// Mathematics, loaded when the first formula is seen.
import katex from "katex";
import "katex/dist/katex.min.css";

/** A formula that cannot be read stays as it was written. */
export function typeset(target: HTMLElement, tex: string, display: boolean): void {
  const made = document.createElement("span");
  try {
    katex.render(tex, made, { displayMode: display, throwOnError: true, trust: false, strict: "ignore", maxExpand: 500, maxSize: 20 });
  } catch {
    return;
  }
  target.replaceChildren(...made.childNodes);
  target.classList.add("done");
}
