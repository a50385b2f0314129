// A model's options, from its JSON Schema to the fields of a form. Pure. The schema is a plugin's: it may be anything.
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
  const some = listOf(schema.anyOf).filter(isSchema).filter((one) => one.type !== "null");
  return some.length === 1 && some[0] ? { ...some[0], ...schema, type: some[0].type, anyOf: undefined } : schema;
}

const isSchema = (value: unknown): value is Schema => typeof value === "object" && value !== null && !Array.isArray(value);
const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const numberOf = (value: unknown): number | undefined => (typeof value === "number" ? value : undefined);

/** What may be chosen, once each; empty where there is more to say than these. */
function choicesOf(schema: Schema): string[] {
  const all = new Set(listOf(schema.enum));
  return [...all].every((value) => typeof value === "string") ? ([...all] as string[]) : [];
}

function kindOf(schema: Schema): Field["kind"] {
  const types = (Array.isArray(schema.type) ? schema.type : [schema.type]).filter((type) => type !== "null");
  if (choicesOf(schema).length > 0) return "choice";
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
  const given = Object.entries(isSchema(schema?.properties) ? schema.properties : {});
  return given.filter((entry): entry is [string, Schema] => isSchema(entry[1])).map(([name, property]) => {
    const one = plain(property);
    const kind = kindOf(one);
    return {
      name,
      label: typeof one.title === "string" && one.title !== "" && one.title.length < 60 ? one.title : name,
      help: typeof one.description === "string" ? one.description : "",
      kind,
      choices: kind === "choice" ? choicesOf(one) : [],
      min: numberOf(one.minimum),
      max: numberOf(one.maximum),
      step: numberOf(one.multipleOf) ?? (kind === "integer" ? 1 : "any"),
      fallback: one.default,
      required: listOf(schema?.required).includes(name),
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
