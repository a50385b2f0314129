// The real program, `consort serve`, in a folder of its own: what the page meets when somebody uses it.
import { type ChildProcess, spawn } from "node:child_process";
import { appendFileSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const here = (path: string): string => new URL(path, import.meta.url).pathname;
const PROGRAM = process.env.CONSORT_BIN ?? here("../../../target/debug/consort");

export interface Server {
  url: string;
  port: number;
  plugins: string;
  /** Where it runs: `./llm_plugins` of it is a project's folder, which nobody has trusted. */
  project: string;
  /** The user's own settings. */
  settings: string;
  /** Ends it at once, as a crash would. */
  kill: () => Promise<void>;
  /** Starts it again, at the same address and in the same folder. */
  start: () => Promise<void>;
}

interface World {
  /** The address of a hosted API, which becomes the provider `acme`; its key is `good-key`. */
  vendor?: string;
  /** Whether it has the tools of `tools.js`. */
  tools?: boolean;
  /** Whether chat models are talked with, by the ears and the voice that need nothing. */
  voice?: boolean;
  /** Files of the project's `llm_plugins`. */
  project?: Record<string, string>;
}

const acme = (url: string): string => `name = "Acme"
wire = "openai-chat"
base_url = "${url}/v1"
key_env = ["ACME_API_KEY"]
models = [
    { name = "large", tools = true, input = ["image"], context = 200000, price = { input = 3, output = 15 } },
    { name = "tiny", input = [], context = 3000, max_output = 500 },
]
`;

export const VOICE = '[voice]\nears = "test"\nvoice = "test"\n\n';

export async function serve(world: World = {}): Promise<Server> {
  const home = mkdtempSync(join(tmpdir(), "consort-home-"));
  const [plugins, providers, project] = [join(home, "data", "plugins"), join(home, "providers"), join(home, "project")];
  for (const folder of [plugins, providers, join(project, "llm_plugins")]) mkdirSync(folder, { recursive: true });
  if (world.vendor) writeFileSync(join(providers, "acme.toml"), acme(world.vendor));
  const settings = join(home, "consort.toml");
  if (world.voice) writeFileSync(settings, VOICE);
  if (world.tools) appendFileSync(settings, `[mcp.notes]\ncommand = ${JSON.stringify(process.execPath)}\nargs = [${JSON.stringify(here("tools.js"))}]\n`);
  for (const [name, text] of Object.entries(world.project ?? {})) writeFileSync(join(project, "llm_plugins", name), text);
  const port = await freePort();
  let child: ChildProcess;
  const start = (): Promise<void> => {
    const env = { PATH: process.env.PATH, HOME: home, CONSORT_HOME: home, NO_COLOR: "1" };
    child = spawn(PROGRAM, ["serve", "--listen", `127.0.0.1:${port}`], { cwd: project, stdio: ["ignore", "ignore", "pipe"], env });
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
  return { url: `http://127.0.0.1:${port}`, port, plugins, project, settings, kill, start };
}

/** A drop-in Python file whose answer is an expression over `user_message`. */
export const dropIn = (body: string, head = "", about = "Says it back."): string => `${head}from llm_utils import LLMClient


class Client(LLMClient):
    ${JSON.stringify(about)}

    def generate_response(self, system, user_message, max_tokens=4096, temperature=0.8):
        ${body}

    def count_tokens(self, text):
        return len(text.split())
`;

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => (typeof address === "object" && address ? resolve(address.port) : reject(new Error("no port"))));
    });
  });
}
