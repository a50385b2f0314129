// Loads colours and mathematics when they are first needed. Until then, and without them, the text is there.
import type { Finery } from "./dom";

/** Work that waits for the page to be idle, so that it never holds up text. */
const idle = (work: () => void): void => {
  if ("requestIdleCallback" in globalThis) requestIdleCallback(work, { timeout: 500 });
  else setTimeout(work, 50);
};

export const finery: Finery = {
  code(target, language, text) {
    if (language === "") return;
    void import("./highlight").then(({ highlight }) => idle(() => highlight(target, language.toLowerCase(), text))).catch(() => {});
  },
  math(target, tex, display) {
    void import("./mathematics").then(({ typeset }) => typeset(target, tex, display)).catch(() => {});
  },
};
