// How a conversation of 300 long messages opens.
import { PROSE } from "../fixture-server/script.js";
import { fixture, median, RUNS, say } from "./parts.js";

/** 300 long messages: the same nodes laid out with and without content-visibility. */
export async function longConversation(browser) {
  const { url, server } = await fixture();
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
  server.kill();
}
