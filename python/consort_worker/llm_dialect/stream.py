"""What a model yields, as the protocol's events: strings of the older generation, StreamEvents of the newer one."""

import json

from . import execute


class Emitter:
    """Sends the events of one response."""

    def __init__(self, call, response, stream_event, model):
        self.call = call
        self.response = response
        self.stream_event = stream_event  # the class, or None where llm has none yet
        self.model = model
        self.chunks_of = None  # the generator that the pieces come from
        self.process = getattr(response, "_process_chunk", None)
        self.chunks = response._chunks
        self.last = ("text", None)  # family and part of the event before
        self.metadata = {}  # part -> what the vendor wants to see again
        self.calls = {}  # part -> a tool call that is being streamed
        self.server = {}  # part -> a tool that the vendor itself runs
        self.turn = None  # what is kept of this turn, until a part has it
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
                self.call.text(chunk)
        elif chunk is None:
            return
        elif self.stream_event is not None and isinstance(chunk, self.stream_event):
            self.process(chunk)
            self._event(chunk)
        else:
            raise execute.wrong_piece(self.model, self.chunks_of, chunk)

    def _text(self, event, chunk):
        place = ("text", event.part_index)
        if self.last[0] != "text" or self.last == place or self.last[1] is None:
            self.call.text(chunk)
        else:
            self.call.event(type="text", text=chunk, part="new")
        self.last = place

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
        opaque = self._merged(event)
        if opaque is not None:
            out["opaque"] = opaque
        if not out["text"] and len(out) == 2:
            return
        if self.last[0] == event.type and self.last != place and self.last[1] is not None:
            out["part"] = "new"
        self.last = place
        self.call.event(**out)

    def _of_call(self, event):
        part = event.part_index
        state = self.calls.get(part)
        if state is None:
            state = self.calls[part] = {"name": "", "arguments": "", "id": None, "sent": False}
        opaque = self._merged(event)
        if event.type == "tool_call_name":
            state["name"] += event.chunk or ""
        else:
            state["arguments"] += event.chunk or ""
        state["id"] = state["id"] or event.tool_call_id
        self.last = ("tool_call", part)
        if state["id"] is None:
            return  # the id comes with add_tool_call, if at all: sent whole at the end
        out = {"type": "tool_call_delta", "index": list(self.calls).index(part)}
        if not state["sent"]:
            state["sent"] = True
            out.update(id=state["id"], name=state["name"], arguments=state["arguments"])
        elif event.type == "tool_call_args":
            out["arguments"] = event.chunk or ""
        if opaque is not None:
            out["opaque"] = opaque
        self.call.event(**out)

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
            opaque = json.dumps({"part": kept}, default=str)
            self.call.event(type="reasoning", text="", redacted=True, part="new", opaque=opaque)
            self.last = ("server", None)
        self.server.clear()

    def _merged(self, event):
        """The part's metadata so far, as the text that travels; None where this event adds none."""
        if not event.provider_metadata:
            return None
        kept = self.metadata.setdefault(event.part_index, {})
        kept.update(event.provider_metadata)
        return json.dumps({"provider_metadata": kept}, default=str)

    def keep(self, turn):
        """Sends what is kept of the turn with the text that ends it, or else with the next call."""
        self.turn = turn
        if turn is None or self.last[0] != "text" or not any(self.chunks):
            return
        self.call.event(type="text", text="", opaque=self._opaque(self.last[1]))

    def _opaque(self, part):
        """What travels with a part: the vendor's metadata, and once the turn."""
        kept = {"provider_metadata": self.metadata[part]} if part in self.metadata else {}
        if self.turn is not None:
            kept["turn"], self.turn = self.turn, None
        return json.dumps(kept, default=str) if kept else None

    def finish_calls(self):
        """Sends the calls that were not streamed; gives how many there are for the host to run."""
        self.flush_server()
        streamed = [state for state in self.calls.values() if state["sent"]]
        unsent = [(part, state) for part, state in self.calls.items() if not state["sent"]]
        ids = {state["id"] for state in streamed}
        count = sum(state["id"] not in self.executed for state in streamed)
        for call in getattr(self.response, "_tool_calls", ()):
            if call.tool_call_id is not None and (call.tool_call_id in ids or call.tool_call_id in self.executed):
                continue
            twin = next((each for each in unsent if _same(each[1], call)), None)
            if twin is not None:
                unsent.remove(twin)
            ids.add(call.tool_call_id)
            self._whole(call.tool_call_id, call.name, call.arguments or {}, twin[0] if twin else None)
            count += 1
        for part, state in unsent:
            self._whole(None, state["name"], _decoded(state["arguments"]), part)
            count += 1
        return count

    def _whole(self, ident, name, arguments, part):
        self.made = getattr(self, "made", 0) + 1
        out = {"type": "tool_call", "id": ident or f"call_{self.call.ident}_{self.made}", "name": name}
        out["arguments"] = arguments if isinstance(arguments, dict) else _decoded(arguments)
        opaque = self._opaque(part)
        if opaque is not None:
            out["opaque"] = opaque
        self.call.event(**out)


def _decoded(text):
    try:
        decoded = json.loads(text) if text else {}
    except (TypeError, ValueError):
        return {"_raw": text}
    return decoded if isinstance(decoded, dict) else {"_raw": text}


def _same(state, call):
    return state["name"] == call.name and _decoded(state["arguments"]) == (call.arguments or {})
