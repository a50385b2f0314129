// The answer of a live session as it is told: when there is something to interrupt.
import { beforeEach, expect, it } from "vitest";
import { Answer } from "../../src/voice/answer.svelte";
import type { SessionEvent } from "../../src/voice/line";

let answer: Answer;
beforeEach(() => (answer = new Answer()));
const event = (told: SessionEvent): void => answer.receive({ type: "event", event: told });
const words = (): void => event({ type: "transcript", item: "a", by: "assistant", mode: "delta", text: "so" });
const now = (): string => (answer.awaited ? "asked" : answer.given ? "given" : "none");

it("is under way in its gaps, until its end is told and played", () => {
  answer.ask();
  expect(now()).toBe("asked");
  words();
  answer.comes();
  answer.plays(0, true);
  expect([now(), answer.sounds]).toEqual(["given", false]);
  answer.comes();
  event({ type: "turn_done" });
  // Its sound is sent as it is played.
  answer.comes();
  expect([now(), answer.sounds]).toEqual(["given", true]);
  answer.plays(0, true);
  expect(now()).toBe("none");
});

it("is over with its end where all of it was played, or where there was no sound", () => {
  answer.ask();
  event({ type: "turn_done" });
  expect(now()).toBe("none");
  answer.comes();
  answer.plays(0, true);
  event({ type: "turn_done" });
  expect(now()).toBe("none");
});

it("that is cut by a question ends with it, and the question's is awaited", () => {
  answer.comes();
  answer.ask();
  answer.receive({ type: "cut" });
  event({ type: "turn_done" });
  expect(now()).toBe("asked");
  event({ type: "turn_done" });
  expect(now()).toBe("none");
});

it("ends where it is cut, fails, or another session is opened", () => {
  answer.comes();
  answer.receive({ type: "cut" });
  expect([now(), answer.sounds]).toEqual(["none", false]);
  // Its last words are no other answer.
  event({ type: "transcript", item: "a", by: "assistant", mode: "final", text: "so" });
  expect(now()).toBe("none");
  answer.ask();
  event({ type: "error", error: { kind: "server", message: "no" } });
  expect(now()).toBe("none");
  answer.ask();
  answer.receive({ type: "opened", conversation: "c", model: "m", resumed: true, sees: false, push: false, sent_ms: 0 });
  expect(now()).toBe("asked");
  answer.receive({ type: "opened", conversation: "c", model: "m", resumed: false, sees: false, push: false, sent_ms: 0 });
  expect(now()).toBe("none");
});
