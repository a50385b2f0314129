// The messages of the live socket, and the events inside them.
import type {
  ApiError, AppSettings, Attempt, Conversation, ModelRow, Part, Run, Settings, ToolWaiting, Turn, Usage, Warning,
} from "./types";

export type PartKind =
  | { type: "text" } | { type: "reasoning"; redacted?: boolean } | { type: "refusal" }
  | { type: "tool_call"; id: string; name: string } | { type: "media"; mime: string }
  | { type: "native"; wire: string; kind: string };

export interface Delta {
  text?: string;
  arguments?: string;
  media?: string;
  url?: string;
  citation?: { url?: string; title?: string; quote?: string };
  native?: unknown;
}

/** A core event, or one of the host's own. */
export type RunEvent =
  | { type: "started"; model?: string }
  | { type: "part_start"; part: number; choice?: number; kind: PartKind }
  | { type: "part_delta"; part: number; delta: Delta }
  | { type: "part_end"; part: number }
  | { type: "bad_arguments"; part: number; error: string }
  | ({ type: "usage" } & Usage)
  | ({ type: "warning" } & Warning)
  | { type: "finished"; reason: string; vendor_reason?: string }
  | { type: "turn_started"; turn: Turn }
  | { type: "attempt"; attempt: Attempt }
  | { type: "context_trimmed"; from: string; left_out: number }
  | { type: "tool_waiting"; call: ToolWaiting }
  | { type: "tool_decided"; call_id: string; decision: "yes" | "always" | "no"; reason?: string | null }
  | { type: "tool_started"; call_id: string }
  | { type: "tool_finished"; call_id: string; ms: number; is_error: boolean }
  | { type: "turn_ended"; turn: Turn }
  | { type: "run_ended"; status: "complete" | "interrupted" | "failed"; error?: ApiError };

export interface Envelope {
  type: "event";
  run: string;
  sequence_number: number;
  conversation: string;
  turn: string;
  at: number;
  event: RunEvent;
}

export type ServerMessage =
  | { type: "hello"; protocol: number; version: string; boot: string }
  | { type: "reply"; id: number; ok?: unknown; error?: ApiError }
  | Envelope
  | { type: "events"; events: Envelope[] }
  | { type: "turn"; turn: Turn }
  | { type: "conversation"; conversation: Conversation }
  | { type: "conversation_removed"; conversation: string }
  | { type: "models"; revision: number; rows: ModelRow[]; removed: string[]; default: string | null; whole?: boolean }
  | { type: "settings"; settings: AppSettings }
  | { type: "behind"; conversation: string | null };

export interface Start {
  conversation: string;
  key: string;
  parent: string | null;
  user: { parts: Part[] } | null;
  models: string[];
  settings?: Settings;
}

export interface Started { user: Turn | null; runs: { run: string | null; turn: Turn | null; error?: ApiError | null }[] }
export interface Watched { runs: Run[]; revision: number; gone?: string[] }
