// The real program, `consort serve`, in a folder of its own: what the page meets when somebody uses it.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PROGRAM = process.env.CONSORT_BIN ?? new URL("../../../target/debug/consort", import.meta.url).pathname;

export interface Server {
  url: string;
  plugins: string;
  /** Ends it at once, as a crash would. */
  kill: () => Promise<void>;
  /** Starts it again, at the same address and in the same folder. */
  start: () => Promise<void>;
}

export async function serve(): Promise<Server> {
  const home = mkdtempSync(join(tmpdir(), "consort-home-"));
  const plugins = join(home, "data", "plugins");
  mkdirSync(plugins, { recursive: true });
  const port = await freePort();
  let child: ChildProcess;
  const start = (): Promise<void> => {
    const env = { PATH: process.env.PATH, HOME: home, CONSORT_HOME: home, NO_COLOR: "1" };
    child = spawn(PROGRAM, ["serve", "--listen", `127.0.0.1:${port}`], { stdio: ["ignore", "ignore", "pipe"], env });
    return new Promise((resolve, reject) => {
      child.once("exit", (code) => reject(new Error(`the server ended with ${code}`)));
      child.stderr?.once("data", () => resolve());
    });
  };
  const kill = (): Promise<void> => {
    const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    child.kill("SIGKILL");
    return ended;
  };
  await start();
  return { url: `http://127.0.0.1:${port}`, plugins, kill, start };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => (typeof address === "object" && address ? resolve(address.port) : reject(new Error("no port"))));
    });
  });
}
