// Drafts that move: what is written is lost in none of them.
import { expect, it } from "vitest";
import { draftOf } from "../../src/state/draft.svelte";

it("leaves what another one holds, and adds to it", () => {
  const [talk, next] = [draftOf("talk"), draftOf(null)];
  next.write("half a thought of another tab");
  const { key } = next;
  talk.move(null);
  expect([next.text, next.key]).toEqual(["half a thought of another tab", key]);
  talk.write("said here");
  talk.move(null);
  expect([talk.text, next.text]).toEqual(["", "half a thought of another tab\n\nsaid here"]);
});

it("keeps what was written while a message was on its way", () => {
  const draft = draftOf("sent");
  draft.write("hello");
  const sent = draft.sent();
  draft.write("hello and more");
  draft.taken(sent, "sent");
  expect(draft.text).toBe("and more");
  draft.write("first");
  const first = draft.sent();
  draft.taken(first, "other");
  expect([draft.text, draftOf("other").text]).toEqual(["", ""]);
});
