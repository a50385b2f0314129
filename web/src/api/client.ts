// REST calls. Whatever goes wrong comes out as the one error.
import type { ApiError } from "./types";

/** An error of the API, or of the way there. */
export class Failure extends Error {
  constructor(readonly error: ApiError, readonly status = 0, readonly body: unknown = null) {
    super(error.message);
  }
}

export function asError(thrown: unknown): ApiError {
  if (thrown instanceof Failure) return thrown.error;
  return { kind: "network", message: thrown instanceof Error ? thrown.message : String(thrown) };
}

/** The newest state beside a change that came too late. */
export function newest<T>(thrown: unknown): T | null {
  if (!(thrown instanceof Failure) || thrown.status !== 409) return null;
  return (thrown.body as { current?: T } | null)?.current ?? null;
}

export const unreachable: ApiError = {
  kind: "network",
  message: "Consort does not answer",
  hints: ["Is `consort serve` still running on this machine?"],
};

export const isUnreachable = (thrown: unknown): boolean => thrown instanceof Failure && thrown.error === unreachable;

async function failed(response: Response): Promise<Failure> {
  const body: unknown = await response.json().catch(() => null);
  const error = (body as { error?: ApiError } | null)?.error;
  const fallback: ApiError = { kind: "protocol", message: `the server answered ${response.status}`, status: response.status };
  return new Failure(error ?? fallback, response.status, body);
}

export async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const init: RequestInit = { method, credentials: "same-origin" };
  if (method !== "GET") {
    init.body = JSON.stringify(body ?? {});
    init.headers = { "Content-Type": "application/json" };
    // What is taken away when the page is left is taken away all the same.
    init.keepalive = method === "DELETE";
  }
  const response = await fetch(`/api${path}`, init).catch(() => {
    throw new Failure(unreachable);
  });
  if (!response.ok) throw await failed(response);
  return (response.status === 204 || response.status === 202 ? undefined : await response.json()) as T;
}

export const get = <T>(path: string): Promise<T> => call("GET", path);

/** One segment of a path. */
export const segment = (name: string): string => encodeURIComponent(name);

export function query(values: Record<string, string | number | null | undefined>): string {
  const given = Object.entries(values).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return given.length === 0 ? "" : `?${new URLSearchParams(given.map(([key, value]) => [key, String(value)]))}`;
}

/** Sends a file, and says how far it is. `fetch` cannot say that. */
export function upload<T>(path: string, file: Blob, progress: (share: number) => void, abort: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `/api${path}`);
    request.setRequestHeader("Content-Type", file.type || "application/octet-stream");
    request.responseType = "json";
    request.upload.onprogress = (event) => progress(event.total > 0 ? event.loaded / event.total : 0);
    request.onerror = () => reject(new Failure({ ...unreachable, message: "the upload was cut" }));
    request.onabort = () => reject(new Failure({ kind: "cancelled", message: "stopped" }));
    request.onload = () => {
      const answer = request.response as { error?: ApiError } | null;
      if (request.status >= 200 && request.status < 300) return resolve(answer as T);
      reject(new Failure(answer?.error ?? { kind: "protocol", message: `the server answered ${request.status}` }, request.status));
    };
    abort.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}
