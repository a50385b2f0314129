// The voice socket: who holds the session of a conversation, and what its tab says.
import { Talk } from "./talk.js";

/** How long a session waits for a tab that lost its connection. */
const GRACE_MS = 20_000;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** How sessions are, for a test: an error refuses them, `hears` takes what is loud for speech, `sees` takes pictures. */
export const voiceOf = ({ error = null, slow_ms = 0, hears = false, sees = false, ahead_ms = 0 }) => ({ error, slow_ms, hears, sees, ahead_ms });

const send = (socket, message) => socket.readyState === 1 && socket.send(JSON.stringify(message));

export function talk(world, socket) {
  let now = null;
  socket.on("close", () => now?.socket === socket && leave(world, now));
  socket.on("message", async (data, binary) => {
    if (binary) return now?.hear(data);
    const message = JSON.parse(String(data));
    if (message.type !== "open") return now && said(world, now, message);
    // As the server has it: what is said before it is open is said to nobody.
    await sleep(world.voice.slow_ms);
    now = enter(world, socket, message);
  });
}

function enter(world, socket, open) {
  const { error } = world.voice;
  const there = world.talks.get(open.conversation);
  const refused = there?.socket && there.open.tab !== open.tab && !open.take_over
    ? { error: { kind: "invalid_request", message: "this conversation is being talked in another tab or window", hints: ["take it over, or talk there"] }, taken: true }
    : error && { error, taken: false };
  if (refused) {
    send(socket, { type: "refused", ...refused });
    socket.close();
    return null;
  }
  const before = there?.socket;
  const session = there ?? new Talk(world, open);
  clearTimeout(session.waits);
  Object.assign(session, { socket, open, push: open.push });
  world.talks.set(open.conversation, session);
  if (before) {
    send(before, { type: "taken" });
    before.close();
  }
  send(socket, {
    type: "opened", conversation: open.conversation, model: open.model, resumed: there !== undefined, input_rate: open.input_rate,
    output_rate: open.output_rate, sees: world.voice.sees, push: open.push, sent_ms: session.sent_ms,
  });
  // Whoever comes is told again what waits for them.
  for (const call of session.waiting) send(socket, { type: "tool_waiting", call });
  return session;
}

/** The connection is lost: another one may come. */
function leave(world, session) {
  session.socket = null;
  session.waits = setTimeout(() => end(world, session), GRACE_MS).unref();
}

function end(world, session) {
  session.end();
  if (world.talks.get(session.open.conversation) === session) world.talks.delete(session.open.conversation);
}

function said(world, session, message) {
  const says = {
    say: () => session.say(message.text),
    commit: () => session.commit(),
    interrupt: () => session.interrupt(),
    played: () => (session.played_ms = message.ms),
    push: () => (session.push = message.on),
    frame: () => session.look(message.media),
    decide: () => session.decide(message.call_id),
    close() {
      const { socket } = session;
      session.socket = null;
      end(world, session);
      socket?.close();
    },
  };
  says[message.type]?.();
}
