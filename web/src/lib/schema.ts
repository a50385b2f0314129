// A model's options, from its JSON Schema to the fields of a form. Pure.
import type { Schema } from "../api/types";

export interface Field {
  name: string;
  label: string;
  help: string;
  kind: "switch" | "number" | "integer" | "choice" | "text" | "json";
  choices: string[];
  min?: number;
  max?: number;
  step?: number | "any";
  fallback: unknown;
  required: boolean;
}

/** The schema that says most: `anyOf [X, null]` is an optional X. */
function plain(schema: Schema): Schema {
  const some = schema.anyOf?.filter((one) => one.type !== "null");
  return some?.length === 1 && some[0] ? { ...some[0], ...schema, type: some[0].type, anyOf: undefined } : schema;
}

function kindOf(schema: Schema): Field["kind"] {
  const types = (Array.isArray(schema.type) ? schema.type : [schema.type]).filter((type) => type !== "null");
  if (schema.enum?.every((value) => typeof value === "string")) return "choice";
  if (types.length !== 1) return "json";
  switch (types[0]) {
    case "boolean":
      return "switch";
    case "number":
      return "number";
    case "integer":
      return "integer";
    case "string":
      return "text";
    default:
      return "json";
  }
}

export function fields(schema: Schema | undefined): Field[] {
  return Object.entries(schema?.properties ?? {}).map(([name, given]) => {
    const one = plain(given);
    const kind = kindOf(one);
    return {
      name,
      label: one.title && one.title.length < 60 ? one.title : name,
      help: one.description ?? "",
      kind,
      choices: kind === "choice" ? (one.enum as string[]) : [],
      min: one.minimum,
      max: one.maximum,
      step: one.multipleOf ?? (kind === "integer" ? 1 : "any"),
      fallback: one.default,
      required: schema?.required?.includes(name) ?? false,
    };
  });
}

/** What the user typed, as the value to send; undefined to leave it to the model. */
export function parse(field: Field, typed: string): { value?: unknown; problem?: string } {
  const text = typed.trim();
  if (text === "") return field.required && field.fallback === undefined ? { problem: "needed" } : {};
  switch (field.kind) {
    case "number":
    case "integer": {
      const value = Number(text);
      if (!Number.isFinite(value)) return { problem: "not a number" };
      if (field.kind === "integer" && !Number.isInteger(value)) return { problem: "not a whole number" };
      if (field.min !== undefined && value < field.min) return { problem: `at least ${field.min}` };
      if (field.max !== undefined && value > field.max) return { problem: `at most ${field.max}` };
      return { value };
    }
    case "json":
      try {
        return { value: JSON.parse(text) as unknown };
      } catch {
        return { problem: "not JSON" };
      }
    default:
      return { value: typed };
  }
}
