// The JSON of docs/reference/chat-api.md and of consort-core.

export type Millis = number;
/** Nano-dollars; null is unknown, which is not free. */
export type Money = number | null;

export type ErrorKind =
  | "setup" | "auth" | "permission" | "quota" | "rate_limit" | "overloaded" | "server" | "timeout" | "network"
  | "context_length" | "content_filter" | "invalid_request" | "unsupported" | "model_not_found" | "protocol"
  | "cancelled" | "interrupted" | "plugin_crash" | "plugin_bug";

export interface ApiError {
  kind: ErrorKind;
  message: string;
  phase?: string;
  provider?: string;
  status?: number;
  vendor_code?: string;
  vendor_type?: string;
  request_id?: string;
  retry_after?: { secs: number; nanos: number };
  hints?: string[];
}

export type Modality = "text" | "image" | "audio" | "pdf" | "video" | "file";
export type Support = "yes" | "no" | "unknown";

export interface Card {
  id: string;
  provider: string;
  name: string;
  title?: string;
  aliases?: string[];
  kind?: "chat" | "embedding" | "realtime";
  capabilities: {
    input?: Modality[] | null;
    output?: Modality[];
    tools?: Support;
    schema?: Support;
    reasoning?: Support;
    streaming?: Support;
  };
  limits: { context?: number | null; output?: number | null };
  price?: { input: number; output: number; cached?: number | null; source?: string } | null;
  options?: Schema;
}

export interface Schema {
  type?: string | string[];
  title?: string;
  description?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  enum?: unknown[];
  const?: unknown;
  anyOf?: Schema[];
  default?: unknown;
  minimum?: number;
  maximum?: number;
  multipleOf?: number;
  [other: string]: unknown;
}

export type State =
  | { state: "ready" | "unchecked" | "loading" }
  | { state: "needs_setup"; missing: string }
  | { state: "broken" | "missing"; reason: string };

export interface ConfigKey {
  name: string;
  env: string[];
  secret: boolean;
  required: boolean;
  help: string;
}

export interface Place { file: string; line?: number | null }

export interface ModelRow {
  id: string;
  name: string;
  card?: Card | null;
  source: { kind: "plugin" | "hosted" | "local" | "builtin" | "route"; plugin?: string; path?: string; dialect?: string };
  state: State;
  place?: Place | null;
  hints?: string[];
  keys?: ConfigKey[];
  untrusted?: boolean;
  about?: string | null;
  offline?: boolean | null;
  measured?: { first_ms: number | null; tokens_per_second: number | null; runs: number; at: Millis } | null;
}

export interface ModelList { revision: number; default: string | null; rows: ModelRow[] }

export interface MediaSource { bytes?: string; path?: string; url?: string; file?: { wire: string; id: string } }

export type Part =
  | { type: "text"; text: string; citations?: Citation[] }
  | { type: "media"; source: MediaSource; mime: string; name?: string }
  | { type: "reasoning"; text: string; redacted?: boolean }
  | { type: "tool_call"; id: string; name: string; arguments: string }
  | { type: "tool_result"; call_id: string; name: string; content: Part[]; is_error?: boolean }
  | { type: "refusal"; text: string }
  | { type: "native"; wire: string; kind: string; value: unknown };

export interface Citation { url?: string; title?: string; quote?: string }

export interface Usage {
  input?: number | null;
  output?: number | null;
  cached?: number | null;
  cache_write?: number | null;
  reasoning?: number | null;
  total?: number | null;
  cached_in_input?: boolean;
  reasoning_in_output?: boolean;
  source?: "reported" | "estimated";
}

export type TurnStatus = "running" | "complete" | "interrupted" | "failed";

export interface Attempt { model: string; started?: Millis | null; ms: number | null; error?: ApiError | null; retry_in_ms?: number | null }
export interface Warning { code: string; message: string }

export interface Turn {
  id: string;
  conversation: string;
  parent: string | null;
  role: "system" | "user" | "assistant" | "tool";
  created: Millis;
  parts: Part[];
  status: TurnStatus;
  model?: string | null;
  resolved_model?: string | null;
  run?: string | null;
  group?: string | null;
  usage?: Usage | null;
  cost?: Money;
  timings?: { first_ms?: number | null; total_ms?: number | null; thought_ms?: number | null } | null;
  finish?: { reason: string; vendor_reason?: string } | null;
  attempts?: Attempt[];
  warnings?: Warning[];
  error?: ApiError | null;
}

export interface Settings {
  system?: string;
  sampling?: { temperature?: number | null; max_tokens?: number | null; top_p?: number | null; seed?: number | null };
  reasoning?: { effort?: string | null };
  options?: Record<string, unknown>;
  tools?: string[];
  /** Tools that run without asking. */
  allowed?: string[];
}

export interface Conversation {
  id: string;
  title: string | null;
  titled?: string | null;
  pinned: boolean;
  created: Millis;
  updated: Millis;
  revision: number;
  /** What was said in later has a greater one, whatever the clock does. */
  order: number;
  model: string | null;
  head: string | null;
  settings: Settings;
  turns: number;
  cost: number;
  cost_unknown: number;
  running: boolean;
  match?: { turn: string | null; text: string; marks: [number, number][] };
}

export interface ToolWaiting {
  call_id: string;
  name: string;
  arguments: string;
}

export interface Run {
  id: string;
  conversation: string;
  turn: string;
  model: string;
  started: Millis;
  last: number;
  waiting: ToolWaiting[];
}

export interface Opened { conversation: Conversation; turns: Turn[]; runs: Run[] }

export interface ContextView {
  tokens: number;
  estimated: boolean;
  limit: number | null;
  from: string | null;
  cost: Money;
  lacks?: Modality[];
}

export interface AppSettings {
  version: string;
  default_model: string | null;
  pins: string[];
  recent: string[];
  system: string;
  titles: boolean;
  limits: { attachment_bytes: number; attachments: number; message_chars: number };
}

export interface PluginRow {
  name: string;
  path: string;
  folder: string;
  dialect?: string | null;
  state: State;
  place?: Place | null;
  hints?: string[];
  models: string[];
  trusted: boolean;
  keys?: ConfigKey[];
  grants?: string[];
  about?: string | null;
  packages?: string[];
  failed?: string | null;
}

export interface LogLine { at: Millis | null; stream: "stdout" | "stderr" | "host"; text: string }
export interface KeyRow { name: string; from: "stored" | "environment" | "command" | null; env: string[]; help: string; required: boolean; used_by: string[] }
export interface PromptRow { id: string; name: string; text: string; updated: Millis }
export interface ToolRow { name: string; source: string; description: string; parameters?: Schema; approval: "ask" | "allow" }
export interface RouteRow {
  id: string;
  name: string;
  policy: string;
  targets: { model: string; state: State; resting_until?: Millis | null; last_error?: ApiError | null }[];
  limits: string[];
  budget?: { spent: number; limit: number; resets: Millis } | null;
}
export interface UseRow {
  key: string; replies: number; input: number; output: number;
  cached: number; reasoning: number; cost: number; cost_unknown: number;
}
export interface Attachment { id: string; mime: string; name: string; bytes: number }
