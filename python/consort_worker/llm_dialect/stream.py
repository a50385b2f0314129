"""What a model yields, as the protocol's events: strings of the older generation, StreamEvents of the newer one."""

import json

from . import execute

_FIRST = 65536  # letters of a text that are sent with what is kept; the rest follows, as a text may be long


class Emitter:
    """Sends the events of one response."""

    def __init__(self, call, response, stream_event, model, asked):
        self.call = call
        self.response = response
        self.stream_event = stream_event  # the class, or None where llm has none yet
        self.model = model
        self.asked = asked  # what the turn was asked with, until an event has it
        self.chunks_of = None  # the generator that the pieces come from
        self.process = getattr(response, "_process_chunk", None)
        self.chunks = response._chunks
        self.last = (None, None)  # family and part of the event before
        self.redacted = False  # whether the reasoning before is withheld
        self.metadata = {}  # part -> what the vendor wants to see again, and no event has yet
        self.calls = {}  # part -> a tool call that is being streamed
        self.server = {}  # part -> a tool that the vendor itself runs
        self.executed = set()  # ids of calls that ran through the host already

    def taker(self, chunks):
        """What takes the pieces of a generator, each as it comes."""
        self.chunks_of = chunks
        return self.chunk

    def chunk(self, chunk):
        """Takes one thing that execute() yielded. None and "" are nothing."""
        if isinstance(chunk, str):
            if not chunk:
                return
            if self.process is not None:
                self.process(chunk)
                self._text(self.response._stream_events[-1], chunk)
            else:
                self.chunks.append(chunk)
                self._words(chunk, ("text", None))
        elif chunk is None:
            return
        elif self.stream_event is not None and isinstance(chunk, self.stream_event):
            self.process(chunk)
            self._event(chunk)
        else:
            raise execute.wrong_piece(self.model, self.chunks_of, chunk)

    def _text(self, event, chunk):
        place = ("text", event.part_index)
        apart = self.last[0] == "text" and self.last != place and self.last[1] is not None
        self._words(chunk, place, {"part": "new"} if apart else {})

    def _words(self, chunk, place, more=()):
        self.last = place
        if more or self.asked is not None:
            self._send({"type": "text", "text": chunk[:_FIRST], **dict(more)})
            chunk = chunk[_FIRST:]
        if chunk:
            self.call.text(chunk)

    def _send(self, event, **kept):
        """Sends an event with what is to be kept with its part. What several came with is one for whoever reads it."""
        if self.asked is not None:
            kept["turn"], self.asked = {**self.asked, **kept.get("turn", {})}, None
        if kept:
            event["opaque"] = json.dumps(kept, default=str)
        self.call.event(**event)

    def _event(self, event):
        kind = event.type
        if event.server_executed or kind == "tool_result":
            self._of_server(event)
        elif kind in ("tool_call_name", "tool_call_args"):
            self._of_call(event)
        elif kind == "text" and not event.provider_metadata:
            if event.chunk:
                self._text(event, event.chunk)
        elif kind in ("text", "reasoning"):
            self._of_words(event)

    def _of_words(self, event):
        place = (event.type, event.part_index)
        out = {"type": event.type, "text": event.chunk or ""}
        if event.redacted:
            out["redacted"] = True
        kept = self._metadata(event)
        if not out["text"] and len(out) == 2 and not kept:
            return
        if self.last[0] == event.type and self.last != place and self.last[1] is not None:
            out["part"] = "new"
        self.last, self.redacted = place, bool(event.redacted)
        self._send(out, **kept)

    def _of_call(self, event):
        part = event.part_index
        state = self.calls.get(part)
        if state is None:
            state = self.calls[part] = {"name": "", "arguments": "", "id": None, "sent": False}
        if event.type == "tool_call_name":
            state["name"] += event.chunk or ""
        else:
            state["arguments"] += event.chunk or ""
        state["id"] = state["id"] or event.tool_call_id
        self.last = ("tool_call", part)
        kept = self._metadata(event, keep=state["id"] is None)
        if state["id"] is None:
            return  # the id comes with add_tool_call, if at all: sent whole at the end
        out = {"type": "tool_call_delta", "index": list(self.calls).index(part)}
        if not state["sent"]:
            state["sent"] = True
            out.update(id=state["id"], name=state["name"], arguments=state["arguments"])
        elif event.type == "tool_call_args":
            out["arguments"] = event.chunk or ""
        self._send(out, **kept)

    def _of_server(self, event):
        """Tools that the vendor runs are not for the host, but the vendor wants to see them again next time."""
        part = event.part_index
        state = self.server.setdefault(part, {"kind": "tool_call", "name": "", "text": "", "id": None, "metadata": {}})
        if event.type == "tool_call_name":
            state["name"] += event.chunk or ""
        else:
            state["text"] += event.chunk or ""
            if event.type == "tool_result":
                state["kind"] = "tool_result"
                state["name"] = state["name"] or event.tool_name or ""
        state["id"] = state["id"] or event.tool_call_id
        state["metadata"].update(event.provider_metadata or {})
        if event.type == "tool_result":
            self.flush_server()

    def flush_server(self):
        """Sends finished server tools as parts without words, that only this worker can read."""
        for state in self.server.values():
            kept = {"type": state["kind"], "name": state["name"], "server_executed": True}
            if state["kind"] == "tool_call":
                try:
                    kept["arguments"] = json.loads(state["text"]) if state["text"] else {}
                except ValueError:
                    kept["arguments"] = {"_raw": state["text"]}
            else:
                kept["output"] = state["text"]
            if state["id"]:
                kept["tool_call_id"] = state["id"]
            if state["metadata"]:
                kept["provider_metadata"] = state["metadata"]
            self._send({"type": "reasoning", "text": "", "redacted": True, "part": "new"}, part=kept)
            self.last, self.redacted = ("server", None), True
        self.server.clear()

    def _metadata(self, event, keep=False):
        """The part's metadata that no event had yet, to be sent with this one."""
        part = event.part_index
        found = {**self.metadata.pop(part, {}), **(event.provider_metadata or {})}
        if keep and found:
            self.metadata[part] = found
        return {"provider_metadata": found} if found else {}

    def _end(self):
        """An event that goes on with the last part and adds nothing to it; None where there is none."""
        kind, part = self.last
        if kind == "text":
            return {"type": "text", "text": ""}
        if kind == "tool_call" and self.calls[part]["sent"]:
            return {"type": "tool_call_delta", "index": list(self.calls).index(part)}
        if kind in ("reasoning", "server"):
            return {"type": "reasoning", "text": "", **({"redacted": True} if self.redacted else {})}
        return None

    def finish(self, said):
        """Sends the calls that were not streamed, and what is kept of the turn with the last part. Gives how many calls there
        are for the host to run."""
        count, whole = self._unsent()
        kept = {"turn": said} if said else {}
        if kept and not whole:
            end = self._end()
            if end is not None:
                self._send(end, **kept)
        for number, (ident, name, arguments, part) in enumerate(whole, 1):
            out = {"type": "tool_call", "id": ident or f"call_{self.call.ident}_{number}", "name": name}
            out["arguments"] = arguments if isinstance(arguments, dict) else _decoded(arguments)
            metadata = {"provider_metadata": self.metadata[part]} if part in self.metadata else {}
            self._send(out, **metadata, **(kept if number == len(whole) else {}))
        return count

    def _unsent(self):
        """(how many calls there are for the host to run, those that were not streamed)"""
        self.flush_server()
        streamed = [state for state in self.calls.values() if state["sent"]]
        unsent = [(part, state) for part, state in self.calls.items() if not state["sent"]]
        ids = {state["id"] for state in streamed}
        count, whole = sum(state["id"] not in self.executed for state in streamed), []
        for call in getattr(self.response, "_tool_calls", ()):
            if call.tool_call_id is not None and (call.tool_call_id in ids or call.tool_call_id in self.executed):
                continue
            twin = next((each for each in unsent if _same(each[1], call)), None)
            if twin is not None:
                unsent.remove(twin)
            ids.add(call.tool_call_id)
            whole.append((call.tool_call_id, call.name, call.arguments or {}, twin[0] if twin else None))
        whole += [(None, state["name"], _decoded(state["arguments"]), part) for part, state in unsent]
        return count + len(whole), whole


def _decoded(text):
    try:
        decoded = json.loads(text) if text else {}
    except (TypeError, ValueError):
        return {"_raw": text}
    return decoded if isinstance(decoded, dict) else {"_raw": text}


def _same(state, call):
    return state["name"] == call.name and _decoded(state["arguments"]) == (call.arguments or {})
