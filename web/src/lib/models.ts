// What the rows of the model list say about themselves, and how they are found and grouped. Pure.
import type { Modality, ModelRow } from "../api/types";
import { score } from "./fuzzy";
import * as format from "./format";

/** Whether it can be asked. One that is being looked at can: the start waits for it. */
export const isReady = (row: ModelRow | undefined): boolean =>
  row !== undefined && (row.state.state === "loading" || row.state.state === "unchecked" || (row.card != null && row.state.state === "ready"));

export const needsAttention = (row: ModelRow): boolean => row.state.state !== "ready" && row.state.state !== "unchecked";

export const reads = (row: ModelRow | undefined, modality: Modality): boolean | null => {
  const input = row?.card?.capabilities.input;
  return input ? input.includes(modality) : null;
};

export function modalityOf(mime: string): Modality {
  const family = mime.split("/")[0];
  if (family === "image" || family === "audio" || family === "video" || family === "text") return family;
  return mime === "application/pdf" ? "pdf" : "file";
}

/** Words, not icons. */
export function words(row: ModelRow): string[] {
  const able = row.card?.capabilities;
  const found: string[] = [];
  const input = able?.input ?? [];
  if (row.card?.kind === "realtime") found.push("live");
  if (input.includes("image")) found.push("vision");
  if (able?.tools === "yes") found.push("tools");
  if (able?.reasoning === "yes") found.push("thinking");
  if (input.includes("audio") || able?.output?.includes("audio")) found.push("voice");
  if (input.includes("pdf")) found.push("pdf");
  if (able?.streaming === "no") found.push("whole answers");
  if (row.offline) found.push("offline");
  return found;
}

export function origin(row: ModelRow): string {
  const { source } = row;
  switch (source.kind) {
    case "builtin":
      return "built in";
    case "route":
      return "route";
    case "local":
      return source.path ?? "local server";
    default:
      return source.path ?? row.card?.provider ?? source.kind;
  }
}

export function priceOf(row: ModelRow): string {
  const price = row.card?.price;
  if (!price) return row.offline ? "free" : "";
  if (price.input === 0 && price.output === 0) return "free";
  return `${format.price(price.input)} / ${format.price(price.output)} per M`;
}

export function speedOf(row: ModelRow): string {
  const measured = row.measured;
  if (!measured) return "";
  if (measured.tokens_per_second) return format.perSecond(measured.tokens_per_second);
  return measured.first_ms === null ? "" : format.duration(measured.first_ms);
}

/** One line that says what is wrong. */
export function trouble(row: ModelRow): string {
  switch (row.state.state) {
    case "broken":
      return `Did not load: ${row.state.reason}`;
    case "missing":
      return `Gone: ${row.state.reason}`;
    case "needs_setup":
      return row.untrusted ? "Not trusted yet: its folder came with a project" : `Needs ${row.state.missing}`;
    case "loading":
      return "Loading…";
    default:
      return "";
  }
}

/** `vision`, `tools`, `local`, `free`, `<$1`: filters. The rest is searched for. */
function filters(query: string): { tests: ((row: ModelRow) => boolean)[]; text: string } {
  const tests: ((row: ModelRow) => boolean)[] = [];
  const rest: string[] = [];
  for (const word of query.toLowerCase().split(/\s+/).filter(Boolean)) {
    const below = /^<\$?(\d+(?:\.\d+)?)$/.exec(word);
    if (below) tests.push((row) => row.card?.price != null && row.card.price.input < Number(below[1]) * 1e6);
    else if (["live", "vision", "tools", "thinking", "voice", "pdf", "offline"].includes(word)) tests.push((row) => words(row).includes(word));
    else if (word === "local") tests.push((row) => row.source.kind === "local" || row.offline === true);
    else if (word === "free") tests.push((row) => priceOf(row) === "free");
    else rest.push(word);
  }
  return { tests, text: rest.join(" ") };
}

function relevance(row: ModelRow, text: string): number | null {
  const fields = [row.name, row.id, row.card?.title ?? "", row.source.path ?? "", row.card?.provider ?? ""];
  const found = fields.map((field) => score(text, field)).filter((points) => points !== null);
  return found.length === 0 ? null : Math.max(...found);
}

export function search(rows: readonly ModelRow[], query: string): ModelRow[] {
  const { tests, text } = filters(query);
  return rows
    .filter((row) => row.card?.kind === undefined || row.card.kind !== "embedding")
    .filter((row) => tests.every((test) => test(row)))
    .map((row) => ({ row, points: relevance(row, text) }))
    .filter((found): found is { row: ModelRow; points: number } => found.points !== null)
    .sort((a, b) => (text === "" ? 0 : b.points - a.points))
    .map(({ row }) => row);
}

export interface Group { name: string; rows: ModelRow[] }

const KINDS = { plugin: "Plugins", route: "Routes", local: "This machine", hosted: "Hosted", builtin: "Built in" } as const;

/** Pinned, recent, all by origin, what needs attention, and vendors without a key. Few entries need no groups; a row stands in one only. */
export function groups(rows: readonly ModelRow[], query: string, pins: readonly string[], recent: readonly string[]): Group[] {
  const found = search(rows, query);
  const good = found.filter((row) => !needsAttention(row));
  const offered = (row: ModelRow): boolean => row.source.kind === "hosted" && row.state.state === "needs_setup";
  const bad = found.filter((row) => needsAttention(row) && !offered(row));
  const made: Group[] = [];
  const taken = new Set<string>();
  const add = (name: string, list: ModelRow[]): void => {
    const fresh = list.filter((row) => !taken.has(row.id));
    for (const row of fresh) taken.add(row.id);
    if (fresh.length > 0) made.push({ name, rows: fresh });
  };
  const named = (ids: readonly string[]): ModelRow[] => ids.flatMap((id) => good.filter((row) => row.id === id));
  if (query === "") {
    add("Pinned", named(pins));
    if (found.length > 12) add("Recent", named(recent.slice(0, 5)));
  }
  if (query !== "" || found.length <= 12) add(query === "" && made.length > 0 ? "All" : "", good);
  else for (const [kind, name] of Object.entries(KINDS)) add(name, good.filter((row) => row.source.kind === kind));
  add("Needs attention", bad);
  add("To set up", found.filter(offered));
  return made;
}
