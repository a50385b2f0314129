// How heavy the first load is: the scripts that the page names, as they are sent.
//   npm run weight (after a build)
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { here, say, verdict } from "./parts.js";

export function firstLoad() {
  const html = readFileSync(here("../../dist/index.html"), "utf8");
  const names = [...html.matchAll(/(?:src|href)="\/(assets\/[^"]+\.js)"/g)].map(([, name]) => name);
  const sizes = names.map((name) => gzipSync(readFileSync(here(`../../dist/${name}`)), { level: 9 }).length);
  say("script of the first load, gzip", sizes.reduce((sum, size) => sum + size, 0) / 1024, 90, "KB");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  firstLoad();
  process.exit(verdict());
}
