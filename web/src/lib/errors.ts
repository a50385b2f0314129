// Errors in words: a title, and what usually helps.
import type { ApiError, ErrorKind } from "../api/types";

interface Words { title: string; help?: string }

const WORDS: Record<ErrorKind, Words> = {
  setup: { title: "Something must be set up first" },
  auth: { title: "The key was not accepted", help: "Enter it again, or get a new one from the vendor." },
  permission: { title: "Not allowed", help: "The key or the account may not use this model." },
  quota: { title: "No credit left", help: "The account must be topped up, or another plugin can answer." },
  rate_limit: { title: "Too many requests", help: "The vendor asks to wait a little." },
  overloaded: { title: "The vendor is overloaded" },
  server: { title: "The vendor has a fault" },
  timeout: { title: "No answer in time" },
  network: { title: "The connection failed" },
  context_length: { title: "The conversation is too long for this model", help: "Choose a model with a larger context, or start from an earlier turn." },
  content_filter: { title: "The vendor's filter stopped this" },
  invalid_request: { title: "This could not be asked" },
  unsupported: { title: "This model cannot do that" },
  model_not_found: { title: "There is no such model" },
  protocol: { title: "The answer could not be understood" },
  cancelled: { title: "Stopped" },
  interrupted: { title: "The answer broke off", help: "What came is kept." },
  plugin_crash: { title: "The plugin crashed", help: "It is started again for the next message." },
  plugin_bug: { title: "The plugin made a mistake", help: "Its log says more." },
};

export const explain = (error: ApiError): Words => WORDS[error.kind] ?? { title: "Something went wrong" };

export const isKeyTrouble = (error: ApiError): boolean => error.kind === "auth" || error.kind === "setup";
export const isPluginTrouble = (error: ApiError): boolean => error.kind === "plugin_bug" || error.kind === "plugin_crash" || error.kind === "protocol";
