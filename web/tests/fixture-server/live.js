// The live socket of one tab.

/** Writes messages in their order. Events that come within this time of the last frame wait for it, and go together. */
function writer(socket, together) {
  let events = [];
  let timer = null;
  let last = 0;
  const write = (message) => socket.readyState === 1 && socket.send(JSON.stringify(message));
  const flush = () => {
    clearTimeout(timer);
    timer = null;
    last = performance.now();
    if (events.length > 0) write(events.length === 1 ? events[0] : { type: "events", events });
    events = [];
  };
  return (message) => {
    if (message.type === "event") {
      events.push(message);
      timer ??= setTimeout(flush, Math.max(0, last + together - performance.now()));
    } else {
      flush();
      write(message);
    }
  };
}

export function attach(world, socket, together) {
  const tab = { watched: new Set(), send: writer(socket, together), close: () => socket.terminate() };
  world.tabs.add(tab);
  socket.on("close", () => world.tabs.delete(tab));
  tab.send({ type: "hello", protocol: 1, version: "0.1.0", boot: world.boot });

  const commands = {
    ping: () => ({}),
    unwatch: ({ conversation }) => (tab.watched.delete(conversation), {}),
    watch({ conversation, runs }) {
      tab.watched.add(conversation);
      const all = [...world.runs.values()].filter((run) => run.conversation.id === conversation);
      for (const run of all) {
        if (run.over && !(run.id in runs)) continue;
        for (const event of run.events.slice(runs[run.id] ?? 0)) tab.send(event);
      }
      const known = new Set(all.map((run) => run.id));
      return { runs: all.filter((run) => !run.over).map((run) => run.view()), revision: world.conversations.get(conversation)?.revision ?? 0, gone: Object.keys(runs).filter((run) => !known.has(run)) };
    },
    start: (command) => world.start(command),
    stop({ run }) {
      const found = world.runs.get(run);
      if (found) {
        found.stopped = true;
        found.decide?.({ decision: "deny", reason: "stopped" });
      }
      return {};
    },
    decide({ run, call_id, decision, reason }) {
      const found = world.runs.get(run);
      if (!found?.waiting.some((call) => call.call_id === call_id)) throw { kind: "invalid_request", message: "this was decided already" };
      if (decision === "always") world.allow(found);
      found.decide({ decision, reason });
      return { counted: true };
    },
  };

  socket.on("message", (data) => {
    const { type, id, ...fields } = JSON.parse(String(data));
    try {
      tab.send({ type: "reply", id, ok: commands[type](fields) });
    } catch (error) {
      tab.send({ type: "reply", id, error: error.kind ? error : { kind: "server", message: String(error) } });
    }
  });
}
