// The whole page while a reply of 10k tokens comes at 200 tokens a second, beside the same page that makes the whole
// message anew for each frame. Time is that of the main thread's processor, by Chromium's own trace: what else the
// machine does is not counted. A page that cannot keep up draws fewer frames, and is the less busy the slower the machine
// is: what the plain one would need for all of its frames is what counts, and what it did is shown beside it.
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "vite";
import { long } from "../fixture-server/script.js";
import { fixture, here, launch, median, RUNS, say } from "./parts.js";

/** What makes the page plain: the whole message in every frame, all of it laid out. Its server sends each event by itself. */
const PLAIN = [
  ["thread.svelte.ts", /const (?:UN)?SEEN_MS = \d+/g, (found) => found.replace(/\d+/, "0")],
  ["prose.css", /\.prose > \* \{ content-visibility[^}]*\}/g, () => ""],
];

/** The page as it is, and the plain one. */
async function pages() {
  const outDir = mkdtempSync(join(tmpdir(), "consort-whole-"));
  const whole = {
    name: "whole",
    enforce: "pre",
    resolveId: (id, from) => (/markdown\/stream$/.test(id) && from?.endsWith(".svelte") ? here("whole.ts") : null),
    transform(code, id) {
      const rule = PLAIN.find(([name]) => id.endsWith(name));
      if (!rule) return null;
      const made = code.replace(rule[1], rule[2]);
      if (made === code) throw new Error(`${rule[0]} has nothing to make plain`);
      return made;
    },
  };
  await build({ root: here("../.."), logLevel: "error", plugins: [whole], build: { outDir, emptyOutDir: true } });
  return { tail: { folder: here("../../dist"), together: 40 }, whole: { folder: outDir, together: 0 } };
}

/** The tasks of the page's main thread: start and processor time in milliseconds, outermost only; and parts of them. */
function tasksOf(trace) {
  const events = JSON.parse(String(trace)).traceEvents;
  const tasks = events.filter((one) => one.ph === "X" && one.name === "ThreadControllerImpl::RunTask");
  const mains = events.filter((one) => one.name === "thread_name" && one.args.name === "CrRendererMain");
  const on = ({ pid, tid }) => tasks.filter((one) => one.pid === pid && one.tid === tid).sort((a, b) => a.ts - b.ts);
  const all = mains.map((main) => [main, on(main)]).sort(([, a], [, b]) => b.length - a.length)[0];
  const [main, list] = all ?? [{}, []];
  let end = 0;
  const outer = list.filter(({ ts, dur }) => {
    const inside = ts < end;
    end = Math.max(end, ts + dur);
    return !inside;
  });
  const share = (name) => events.filter((one) => one.pid === main.pid && one.tid === main.tid && one.name === name).reduce((sum, { tdur = 0 }) => sum + tdur / 1000, 0);
  const shares = Object.fromEntries([["script", "FunctionCall"], ["style", "UpdateLayoutTree"], ["layout", "Layout"], ["prepaint", "PrePaint"], ["paint", "Paint"], ["layers", "Layerize"], ["commit", "Commit"], ["near", "IntersectionObserverController::computeIntersections"]].map(([name, event]) => [name, share(event)]));
  const frames = events.filter((one) => one.pid === main.pid && one.tid === main.tid && one.name === "FireAnimationFrame" && one.ph === "X").length;
  return { frames, outer: outer.map(({ ts, tdur = 0 }) => ({ at: ts / 1000, ms: tdur / 1000 })), shares };
}

/** One reply, in a browser of its own; to a reader who stays at its start, as the page does by itself, or follows its end. */
async function once(dist, follow = false) {
  const { url, server } = await fixture(["--dist", dist.folder, "--together", String(dist.together)]);
  const browser = await launch();
  try {
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    await page.addInitScript((looks) => localStorage.setItem("consort.looks", looks), JSON.stringify({ follow }));
    await page.goto(url);
    await page.locator("#plugin-pill", { hasText: "script" }).waitFor();
    const path = join(mkdtempSync(join(tmpdir(), "consort-trace-")), "trace.json");
    await browser.startTracing(page, { path, categories: ["-*", "toplevel", "devtools.timeline"] });
    await page.getByRole("textbox", { name: "Message" }).fill("#paced");
    const begun = Date.now();
    await page.keyboard.press("Enter");
    // Not by the tool's own waiting: that looks at the page in every frame, and makes it draw each.
    const over = () => page.evaluate(() => document.querySelector("[data-status=complete]") !== null);
    while (!(await over())) await new Promise((resolve) => setTimeout(resolve, 500));
    const seconds = (Date.now() - begun) / 1000;
    await browser.stopTracing();
    const { frames, outer, shares } = tasksOf(readFileSync(path));
    const start = outer[0]?.at ?? 0;
    return {
      seconds,
      shares,
      frames,
      busy: outer.reduce((sum, { ms }) => sum + ms, 0) / 1000,
      long: outer.filter(({ at, ms }) => at > start + 1000 && ms > 50).map(({ at, ms }) => [Math.round((at - start) / 1000), Math.round(ms)]),
    };
  } finally {
    await browser.close();
    server.kill();
  }
}

/** The frames of the time in which the reply comes: each has something new to show. */
const DUE = (long().length / 4 / 200) * 60;
const whole = ({ busy, frames }) => busy * Math.max(1, DUE / frames);
const seconds = (ms) => (ms / 1000).toFixed(1);

export async function livePage() {
  const both = await pages();
  const ratios = [];
  const long = [];
  for (let run = 0; run < RUNS; run += 1) {
    const tail = await once(both.tail);
    const plain = await once(both.whole);
    ratios.push(tail.busy / whole(plain));
    long.push(tail.long.length);
    const parts = Object.entries(tail.shares).map(([name, ms]) => `${name} ${seconds(ms)}`).join(", ");
    console.log(`     run ${run + 1}: the page is busy ${tail.busy.toFixed(1)} s of ${tail.seconds.toFixed(0)} (${parts}); the plain one ${plain.busy.toFixed(1)} s with ${plain.frames} of ${Math.round(DUE)} frames, ${whole(plain).toFixed(1)} s for all, ${plain.long.length} long tasks; ours, after how many seconds and of how many ms: ${JSON.stringify(tail.long)}`);
  }
  say("whole page, 10k tokens at 200 a second, beside the plain page, median of 5", median(ratios), 0.1, "of it");
  const [tail, plain] = [await once(both.tail, true), await once(both.whole, true)];
  console.log(`     to a reader who follows the end: ${tail.busy.toFixed(1)} s, plain ${plain.busy.toFixed(1)} s with ${plain.frames} frames, ${whole(plain).toFixed(1)} s for all; ${tail.long.length} long tasks, plain ${plain.long.length}`);
  say("tasks over 50 ms after the first second, median of 5", median(long), 0, "tasks");
}
