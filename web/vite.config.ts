// How the page is built.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig, type Plugin } from "vite";

/** KaTeX's stylesheet names each font in three formats; every browser that runs this page reads woff2. */
function onlyWoff2(): Plugin {
  return {
    name: "only-woff2",
    enforce: "pre",
    transform(code, id) {
      if (!id.includes("katex") || !id.includes(".css")) return null;
      return code.replace(/,\s*url\([^)]*\.(?:woff|ttf)\)\s*format\(["'][^"']*["']\)/g, "");
    },
  };
}

/** Each file of text also compressed, where that makes it smaller: the program sends it so, and spends no time on it. */
function compressed(): Plugin {
  let folder = "";
  return {
    name: "compressed",
    apply: "build",
    configResolved: (config) => void (folder = config.build.outDir),
    closeBundle() {
      const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => /\.(?:js|css|html|svg)$/.test(name));
      for (const path of files.map((name) => join(folder, name))) {
        const content = readFileSync(path);
        const brotli = brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: content.length } });
        for (const [end, packed] of [["gz", gzipSync(content, { level: 9 })], ["br", brotli]] as const) {
          if (packed.length < content.length) writeFileSync(`${path}.${end}`, packed);
        }
      }
    },
  };
}

export default defineConfig({
  plugins: [svelte(), onlyWoff2(), compressed()],
  build: { target: "es2022", cssTarget: ["chrome125", "firefox128", "safari17.5"], assetsInlineLimit: 0, modulePreload: { polyfill: false }, reportCompressedSize: false },
  server: { proxy: { "/api": { target: process.env.CONSORT_URL ?? "http://127.0.0.1:7777", ws: true } } },
});
