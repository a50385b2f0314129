// What the measures share: the browser, the server, medians, and the verdict.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const ARGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
export const RUNS = Number(process.env.RUNS ?? 5);
export const here = (path) => fileURLToPath(new URL(path, import.meta.url));
export const launch = () => chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ARGS });
export const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

let missed = 0;
export function say(name, value, limit, unit) {
  const good = value <= limit;
  if (!good) missed += 1;
  console.log(`${good ? "ok  " : "MISS"} ${name}: ${Number.isInteger(value) ? value : value.toFixed(unit === "KB" ? 1 : 3)} ${unit} (limit ${limit})`);
}
export const verdict = () => (missed === 0 ? 0 : 1);

/** A server that plays the API. */
export async function fixture(options = []) {
  const server = spawn(process.execPath, [here("../fixture-server/main.js"), "--port", "0", ...options], { stdio: ["ignore", "pipe", "inherit"] });
  const url = await new Promise((resolve) => server.stdout.once("data", (data) => resolve(String(data).trim().split(" ").at(-1))));
  return { url, server };
}
