// How heavy and how smooth the page is, in a real Chromium, each figure beside the plain way in the same run:
//   npm run measure
// Ends with 1 when a limit is missed.
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { chromium } from "playwright-core";
import { build } from "vite";
import { long, PROSE } from "../fixture-server/script.js";

const ARGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const RUNS = 5;
const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
let missed = 0;

function say(name, value, limit, unit) {
  const good = value <= limit;
  if (!good) missed += 1;
  console.log(`${good ? "ok  " : "MISS"} ${name}: ${value.toFixed(unit === "KB" ? 1 : 3)} ${unit} (limit ${limit})`);
}

function firstLoad() {
  const html = readFileSync(here("../../dist/index.html"), "utf8");
  const names = [...html.matchAll(/(?:src|href)="\/(assets\/[^"]+\.js)"/g)].map(([, name]) => name);
  const sizes = names.map((name) => gzipSync(readFileSync(here(`../../dist/${name}`)), { level: 9 }).length);
  say("script of the first load, gzip", sizes.reduce((sum, size) => sum + size, 0) / 1024, 90, "KB");
}

/** The stylesheet, and the Markdown code as one script for a page of its own. */
async function pieces() {
  const result = await build({ configFile: false, logLevel: "error", build: { write: false, lib: { entry: here("../../src/markdown/stream.ts"), formats: ["iife"], name: "Markdown" } } });
  const script = (Array.isArray(result) ? result[0] : result).output[0].code;
  const css = readdirSync(here("../../dist/assets")).filter((name) => /^index-.*\.css$/.test(name)).map((name) => readFileSync(here(`../../dist/assets/${name}`), "utf8")).join("\n");
  return { script, css };
}

/** 200 tokens a second at 60 frames a second: each flush adds 3.3 tokens and forces a layout. */
async function streaming(browser) {
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

const server = spawn(process.execPath, [here("../fixture-server/main.js"), "--port", "0"], { stdio: ["ignore", "pipe", "inherit"] });
const url = await new Promise((resolve) => server.stdout.once("data", (data) => resolve(String(data).trim().split(" ").at(-1))));

/** The whole page with a real run of 10k tokens; tasks over 50 ms after the first second. */
async function livePage(browser) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("Performance.enable");
  const metric = async (name) => (await cdp.send("Performance.getMetrics")).metrics.find((one) => one.name === name).value;
  await page.goto(url);
  await page.locator("#plugin-pill", { hasText: "script" }).waitFor();
  await page.evaluate(() => {
    window.tasks = [];
    new PerformanceObserver((list) => window.tasks.push(...list.getEntries().map((one) => [one.startTime, one.duration]))).observe({ type: "longtask" });
  });
  await page.getByRole("textbox", { name: "Message" }).fill("#long");
  const kinds = ["TaskDuration", "ScriptDuration", "RecalcStyleDuration", "LayoutDuration"];
  const before = await Promise.all(kinds.map(metric));
  const begun = await page.evaluate(() => performance.now());
  await page.keyboard.press("Enter");
  await page.locator("[data-status=complete]").waitFor({ timeout: 180_000 });
  const seconds = (await page.evaluate(() => performance.now()) - begun) / 1000;
  const [busy, script, style, layout] = (await Promise.all(kinds.map(metric))).map((value, at) => value - before[at]);
  const tasks = (await page.evaluate(() => window.tasks)).filter(([start]) => start > begun + 1000).map(([, ms]) => Math.round(ms));
  console.log(`     live page: ${seconds.toFixed(0)} s of writing, main thread busy ${busy.toFixed(1)} s (${((busy / seconds) * 100).toFixed(0)} %), of it script ${script.toFixed(1)}, style ${style.toFixed(1)}, layout ${layout.toFixed(1)}, the rest paint and waiting for pixels; tasks over 50 ms after the first second: ${tasks.length} ${JSON.stringify(tasks.slice(0, 12))}`);
  await page.close();
}

/** 300 long messages: the same nodes laid out with and without content-visibility. */
async function longConversation(browser) {
  const text = PROSE.repeat(3).slice(0, 2400);
  const turns = Array.from({ length: 300 }, (_, at) => ({ role: at % 2 ? "assistant" : "user", text: at % 2 ? text : "And then?" }));
  const made = await (await fetch(`${url}/api/test/fill`, { method: "POST", body: JSON.stringify({ turns }) })).json();
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  await page.goto(`${url}/c/${made.id}`);
  const shown = await page.evaluate(() => new Promise((resolve) => {
    const look = () => (document.querySelectorAll("[data-turn]").length === 300 ? resolve(performance.now()) : requestAnimationFrame(look));
    look();
  }));
  console.log(`     300 messages stand ${shown.toFixed(0)} ms after the start of the page`);
  await page.waitForFunction(() => document.querySelectorAll(".prose.plain").length === 0, null, { timeout: 60_000 });
  const [lazy, plain] = await page.evaluate(async (runs) => {
    const content = document.querySelector(".content");
    const sheet = new CSSStyleSheet();
    document.adoptedStyleSheets = [sheet];
    const once = async (rule) => {
      sheet.replaceSync(rule);
      content.style.display = "none";
      void document.body.offsetHeight;
      await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 50)));
      const begun = performance.now();
      content.style.display = "";
      void content.offsetHeight;
      return performance.now() - begun;
    };
    const lazy = [];
    const plain = [];
    for (let run = 0; run < runs; run += 1) {
      lazy.push(await once(""));
      plain.push(await once(".turn { content-visibility: visible !important; }"));
    }
    return [lazy, plain];
  }, RUNS);
  console.log(`     layout: ${median(lazy).toFixed(1)} ms, plain ${median(plain).toFixed(1)} ms`);
  say("300 long messages, layout beside the plain one, median of 5", median(lazy) / median(plain), 0.1, "of it");
  await page.close();
}

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ARGS });
try {
  firstLoad();
  await streaming(browser);
  await longConversation(browser);
  await livePage(browser);
} finally {
  await browser.close();
  server.kill();
}
process.exit(missed === 0 ? 0 : 1);
