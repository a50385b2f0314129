// Starts the fixture server for the browser tests, or takes the server that CONSORT_WEB_URL and CONSORT_WEB_PLUGINS name.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    url: string;
    plugins: string;
  }
}

export function fixture(plugins: string): Promise<{ url: string; process: ChildProcess }> {
  const server = new URL("../fixture-server/main.js", import.meta.url).pathname;
  const child = spawn(process.execPath, [server, "--port", "0", "--plugins", plugins], { stdio: ["ignore", "pipe", "inherit"] });
  return new Promise((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`the fixture server ended with ${code}`)));
    child.stdout.once("data", (data: Buffer) => resolve({ url: String(data).trim().split(" ").at(-1) ?? "", process: child }));
  });
}

export default async function setup(project: TestProject): Promise<(() => void) | undefined> {
  const plugins = process.env.CONSORT_WEB_PLUGINS ?? mkdtempSync(join(tmpdir(), "consort-plugins-"));
  project.provide("plugins", plugins);
  if (process.env.CONSORT_WEB_URL) {
    project.provide("url", process.env.CONSORT_WEB_URL);
    return undefined;
  }
  const { url, process: child } = await fixture(plugins);
  project.provide("url", url);
  return () => void child.kill();
}
