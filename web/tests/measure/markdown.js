// Markdown alone, while 10k tokens come at 200 a second and 60 frames a second: the tail beside the whole message.
import { readdirSync, readFileSync } from "node:fs";
import { build } from "vite";
import { long } from "../fixture-server/script.js";
import { here, median, RUNS, say } from "./parts.js";

/** The stylesheet, and the Markdown code as one script for a page of its own. */
async function pieces() {
  const result = await build({ configFile: false, logLevel: "error", build: { write: false, lib: { entry: here("../../src/markdown/stream.ts"), formats: ["iife"], name: "Markdown" } } });
  const script = (Array.isArray(result) ? result[0] : result).output[0].code;
  const css = readdirSync(here("../../dist/assets")).filter((name) => /^index-.*\.css$/.test(name)).map((name) => readFileSync(here(`../../dist/assets/${name}`), "utf8")).join("\n");
  return { script, css };
}

/** 200 tokens a second at 60 frames a second: each flush adds 3.3 tokens and forces a layout. */
export async function streaming(browser) {
  const { script, css } = await pieces();
  const page = await browser.newPage();
  await page.setContent(`<style>${css}</style><div id="out" class="prose"></div>`);
  await page.addScriptTag({ content: script });
  const ratios = [];
  const busy = [];
  for (let run = 0; run < RUNS; run += 1) {
    const [tail, whole, flushes, equal] = await page.evaluate((text) => {
      const { MarkdownStream } = window.Markdown;
      const plain = { code: () => {}, math: () => {} };
      const out = document.getElementById("out");
      const step = (text.length / 10_000) * (200 / 60);
      const ends = Array.from({ length: Math.ceil(text.length / step) }, (_, at) => Math.round((at + 1) * step));
      out.replaceChildren();
      const stream = new MarkdownStream(out, plain);
      const begun = performance.now();
      for (const end of ends) {
        stream.update(text.slice(0, end));
        void out.offsetHeight;
      }
      const tail = performance.now() - begun;
      const shown = out.innerHTML;
      // The whole message again for each flush takes minutes: every 25th stands for its neighbours.
      let whole = 0;
      for (let at = 12; at < ends.length; at += 25) {
        const begun = performance.now();
        out.replaceChildren();
        new MarkdownStream(out, plain).update(text.slice(0, ends[at]));
        void out.offsetHeight;
        whole += (performance.now() - begun) * 25;
      }
      out.replaceChildren();
      new MarkdownStream(out, plain).update(text);
      return [tail, whole, ends.length, out.innerHTML === shown];
    }, long());
    if (!equal) throw new Error("the tail and the whole differ");
    ratios.push(tail / whole);
    busy.push(tail);
    console.log(`     run ${run + 1}: tail ${tail.toFixed(0)} ms, whole ${whole.toFixed(0)} ms, ${flushes} flushes`);
  }
  console.log(`     main thread busy for a 50 s reply, median: ${median(busy).toFixed(0)} ms`);
  say("10k-token reply, tail beside whole re-render, median of 5", median(ratios), 0.1, "of it");
  await page.close();
}
