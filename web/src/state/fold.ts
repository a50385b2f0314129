// Folds the events of a run into the parts of its turns.
import type { Delta, PartKind, RunEvent } from "../api/events";
import type { Part, Turn } from "../api/types";

/** A turn that is being written. Parts are replaced, never changed, so that a view sees which one is new. */
export interface Writing {
  turn: Turn;
  /** Part keys in the order of their start; null for a part that was there before. */
  keys: (number | null)[];
  /** What is being thought, and since when. */
  thinking?: { part: number; since: number } | null;
}

export const writing = (turn: Turn): Writing => ({ turn: { ...turn, parts: [...turn.parts] }, keys: turn.parts.map(() => null) });

function emptyPart(kind: PartKind): Part {
  switch (kind.type) {
    case "text":
    case "refusal":
      return { type: kind.type, text: "" };
    case "reasoning":
      return { type: "reasoning", text: "", redacted: kind.redacted ?? false };
    case "tool_call":
      return { type: "tool_call", id: kind.id, name: kind.name, arguments: "" };
    case "media":
      return { type: "media", source: { bytes: "" }, mime: kind.mime };
    case "native":
      return { type: "native", wire: kind.wire, kind: kind.kind, value: null };
  }
}

function grown(part: Part, delta: Delta): Part {
  if (delta.text !== undefined && "text" in part) return { ...part, text: part.text + delta.text };
  if (delta.arguments !== undefined && part.type === "tool_call") return { ...part, arguments: part.arguments + delta.arguments };
  if (delta.citation !== undefined && part.type === "text") return { ...part, citations: [...(part.citations ?? []), delta.citation] };
  if (delta.native !== undefined && part.type === "native") return { ...part, value: delta.native };
  if (part.type !== "media") return part;
  if (delta.url !== undefined) return { ...part, source: { url: delta.url } };
  if (delta.media !== undefined) return { ...part, source: { bytes: joinBase64(part.source.bytes ?? "", delta.media) } };
  return part;
}

/** Pieces are encoded one by one; only one without padding can be followed by plain joining. */
function joinBase64(left: string, right: string): string {
  return left.endsWith("=") ? btoa(atob(left) + atob(right)) : left + right;
}

/** Takes one event into the turn. Says whether anything changed. */
export function fold(state: Writing, event: RunEvent, at: number): boolean {
  const { turn, keys } = state;
  switch (event.type) {
    case "started":
      turn.resolved_model = event.model ?? turn.resolved_model;
      return true;
    case "part_start":
      if ((event.choice ?? 0) !== 0) return false;
      thinks(state, event.kind.type === "reasoning" ? event.part : null, at);
      keys.push(event.part);
      turn.parts.push(emptyPart(event.kind));
      return true;
    case "part_end":
      if (state.thinking?.part !== event.part) return false;
      thinks(state, null, at);
      return true;
    case "part_delta": {
      const index = keys.lastIndexOf(event.part);
      const part = turn.parts[index];
      if (part === undefined) return false;
      turn.parts[index] = grown(part, event.delta);
      firstContent(turn, at);
      return true;
    }
    case "usage": {
      const { type: _, ...usage } = event;
      const given = Object.fromEntries(Object.entries(usage).filter(([, value]) => value !== null && value !== undefined));
      turn.usage = { ...turn.usage, ...given };
      return true;
    }
    case "warning":
      turn.warnings = [...(turn.warnings ?? []), { code: event.code, message: event.message }];
      return true;
    case "attempt":
      turn.attempts = [...(turn.attempts ?? []), event.attempt];
      return true;
    case "finished":
      thinks(state, null, at);
      turn.finish = event;
      return true;
    default:
      return false;
  }
}

/** A thought begins or ends: how long it took is known before the server says it. */
function thinks(state: Writing, part: number | null, at: number): void {
  const { turn, thinking } = state;
  if (thinking) turn.timings = { ...turn.timings, thought_ms: (turn.timings?.thought_ms ?? 0) + Math.max(0, at - thinking.since) };
  state.thinking = part === null ? null : { part, since: at };
}

function firstContent(turn: Turn, at: number): void {
  turn.timings ??= {};
  turn.timings.first_ms ??= Math.max(0, at - turn.created);
}

/** All text of a turn, for copying and reading out. */
export function textOf(parts: readonly Part[]): string {
  return parts.map((part) => (part.type === "text" || part.type === "refusal" ? part.text : "")).join("");
}
