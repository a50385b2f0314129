// Numbers, money and times for people.
import type { Money, Usage } from "../api/types";

const grouped = new Intl.NumberFormat("en");

export const count = (value: number): string => grouped.format(value);

export function tokens(value: number): string {
  if (value < 1000) return String(value);
  if (value < 10_000) return `${(value / 1000).toFixed(1)}k`;
  return value < 1_000_000 ? `${Math.round(value / 1000)}k` : `${(value / 1_000_000).toFixed(1).replace(/\.0$/, "")}M`;
}

/** Nano-dollars, with as many digits as say something. Unknown is said, never shown as nothing. */
export function money(nano: Money | undefined): string {
  if (nano === null || nano === undefined) return "cost unknown";
  const dollars = nano / 1e9;
  if (nano === 0) return "$0";
  if (dollars < 0.0001) return "<$0.0001";
  return `$${dollars < 1 ? dollars.toFixed(4) : dollars.toFixed(2)}`;
}

/** A conversation's cost: the known sum, and that there is more. */
export function sumOfMoney(known: number, unknown: number): string {
  if (unknown === 0) return money(known);
  return known === 0 ? "cost unknown" : `${money(known)} + unknown`;
}

/** Micro-dollars per million tokens. */
export function price(value: number): string {
  const dollars = value / 1e6;
  return `$${dollars >= 10 || Number.isInteger(dollars) ? dollars.toFixed(0) : String(Number(dollars.toFixed(3)))}`;
}

export function duration(ms: number): string {
  if (ms < 1) return `${ms.toFixed(1)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1).replace(/\.0$/, "")} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
}

export function bytes(value: number): string {
  if (value < 1024) return `${value} B`;
  const units = ["KB", "MB", "GB"];
  let size = value / 1024;
  let unit = 0;
  while (size >= 1000 && unit < 2) {
    size /= 1024;
    unit += 1;
  }
  return `${size < 10 ? size.toFixed(1) : Math.round(size)} ${units[unit]}`;
}

/** All tokens that came out; the flags say what is inside what. */
export function allOutput(usage: Usage | null | undefined): number | null {
  if (!usage) return null;
  const apart = usage.reasoning_in_output ? 0 : (usage.reasoning ?? 0);
  return usage.output === null || usage.output === undefined ? apart || null : usage.output + apart;
}

export function allInput(usage: Usage | null | undefined): number | null {
  if (!usage || usage.input === null || usage.input === undefined) return null;
  return usage.cached_in_input ? usage.input : usage.input + (usage.cached ?? 0) + (usage.cache_write ?? 0);
}

export function speed(usage: Usage | null | undefined, timings: { first_ms?: number | null; total_ms?: number | null } | null | undefined): number | null {
  const out = allOutput(usage);
  if (out === null || !timings?.total_ms) return null;
  const ms = timings.total_ms - (timings.first_ms ?? 0);
  return ms > 20 ? (out * 1000) / ms : null;
}

export const perSecond = (value: number): string => `${value < 10 ? value.toFixed(1) : Math.round(value)} tok/s`;

/** The heading of a day in the list of conversations. */
export function day(at: number, now: number): string {
  const date = new Date(at);
  const midnight = new Date(now).setHours(0, 0, 0, 0);
  const days = Math.ceil((midnight - at) / 86_400_000);
  if (days <= 0) return "Today";
  if (days === 1) return "Yesterday";
  if (days < 7) return "This week";
  return MONTH.format(date);
}

// Made once: each takes longer to make than a thousand uses, and every turn has a time.
const MONTH = new Intl.DateTimeFormat("en", { month: "long", year: "numeric" });
const DATE = new Intl.DateTimeFormat("en", { day: "numeric", month: "short", year: "numeric" });
const TIME = new Intl.DateTimeFormat("en", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const SECONDS = new Intl.DateTimeFormat("en", { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });

export const clock = (at: number): string => TIME.format(at);
export const seconds = (at: number): string => SECONDS.format(at);
export const dateTime = (at: number): string => `${DATE.format(at)}, ${clock(at)}`;
