"""A conversation in both of llm's forms: `prompt.messages` of today, and the `conversation.responses` of before."""

from ..shape import Shape
from . import kept
from .media import attachment, is_media


def taken(of_class, named):
    """Of these arguments those that the constructor takes: older versions of llm have fewer, and their models can do less."""
    shape = Shape(of_class.__init__)
    return {name: value for name, value in named.items() if shape.takes(name)}


class Turn:
    """What went in, and what came out."""

    def __init__(self):
        self.texts = []
        self.attachments = []
        self.tool_results = []
        self.answer = None  # text, where there is an answer
        self.tool_calls = []
        self.kept = {}  # of an answer of this plugin: what it was asked with, and what its vendor said

    @property
    def text(self):
        """None where there is no text: the prompt carries attachments or tool results alone."""
        return "\n\n".join(self.texts) if self.texts else None

    def is_empty(self):
        return not (self.texts or self.attachments or self.tool_results)


class History:
    """The turns before, the turn now, and the system prompt."""

    def __init__(self, llm, params, model):
        self.llm = llm
        self.model = model
        systems = [params["system"]] if params.get("system") else []
        self.turns = []
        self.now = Turn()
        self.messages = params.get("messages") or []
        for message in self.messages:
            role = message.get("role")
            parts = _parts(message)
            if role == "assistant":
                self._answered(parts)
            elif role in ("system", "developer"):
                systems.extend(part["text"] for part in parts if part.get("text"))
            else:
                self._asked(parts)
        self.system = "\n\n".join(systems) or None

    def _asked(self, parts):
        for part in parts:
            if part.get("type") == "tool_result":
                if not hasattr(self.llm, "ToolResult"):
                    continue  # an older llm has no tools: what they said is in the answer
                self.now.tool_results.append(self._tool_result(part))
            elif is_media(part):
                self.now.attachments.append(attachment(self.llm, part, self.model))
            elif part.get("text"):
                self.now.texts.append(part["text"])

    def _answered(self, parts):
        if self.now.is_empty() and self.turns:
            turn = self.turns[-1]  # a second answer to the same question
        else:
            turn, self.now = self.now, Turn()
            self.turns.append(turn)
        turn.answer = (turn.answer or "") + "".join(
            part.get("text") or "" for part in parts if part.get("type") in ("text", "refusal")
        )
        for part in parts:
            of_turn = kept.of_part(part).get("turn")
            if isinstance(of_turn, dict):
                turn.kept |= of_turn
            if part.get("type") == "tool_call" and hasattr(self.llm, "ToolCall"):
                turn.tool_calls.append(
                    self.llm.ToolCall(name=part.get("name"), arguments=_arguments(part), tool_call_id=part.get("id"))
                )

    def _tool_result(self, part):
        text, attached = _result(self.llm, part, self.model)
        result = self.llm.ToolResult(name=part.get("name"), output=text, tool_call_id=part.get("id"))
        if attached and hasattr(result, "attachments"):
            result.attachments = attached
        if part.get("isError") and hasattr(result, "exception"):
            result.exception = Exception(text)
        return result

    def conversation(self, prompt, asynchronous):
        """A conversation of finished responses, or None where nothing was said before."""
        if not self.turns:
            return None
        models = self.llm.models
        conversation = (models.AsyncConversation if asynchronous else models.Conversation)(model=self.model)
        kind = models.AsyncResponse if asynchronous else models.Response
        for turn in self.turns:
            named = {
                "system": kept.system_of(turn.kept, self.system),
                "attachments": turn.attachments,
                "tools": getattr(prompt, "tools", ()),
                "tool_results": turn.tool_results,
                "options": kept.options_of(self.model, turn.kept, prompt.options),
            }
            earlier = models.Prompt(turn.text, model=self.model, **taken(models.Prompt, named))
            response = kind(earlier, self.model, stream=False, conversation=conversation)
            response.attachments = list(turn.attachments)
            response._chunks = [turn.answer] if turn.answer else []
            response._tool_calls = turn.tool_calls
            response.response_json = turn.kept.get("response_json")
            response._done = True
            conversation.responses.append(response)
        return conversation

    def new_messages(self):
        """`prompt.messages`: each message as it was, with what the vendor wants to see again."""
        parts = self.llm.parts
        made = [parts.Message(role="system", parts=[parts.TextPart(text=self.system)])] if self.system else []
        for message in self.messages:
            role = message.get("role")
            if role in ("system", "developer"):
                continue
            converted = [part for part in (self._part(each) for each in _parts(message)) if part is not None]
            if role == "assistant":
                # llm itself puts reasoning that was withheld first, wherever it came in the stream.
                converted.sort(key=lambda part: not getattr(part, "redacted", False))
            if converted:
                made.append(parts.Message(role=role, parts=converted))
        return made

    def _part(self, part):
        parts, kind = self.llm.parts, part.get("type")
        given = kept.of_part(part)
        if "part" in given:
            return parts.Part.from_dict(given["part"])
        metadata = given.get("provider_metadata")
        if kind in ("text", "refusal"):
            return parts.TextPart(text=part.get("text") or "", provider_metadata=metadata) if part.get("text") else None
        if kind == "reasoning":
            redacted = bool(part.get("redacted")) and not metadata
            return parts.ReasoningPart(text=part.get("text") or "", redacted=redacted, provider_metadata=metadata)
        if kind == "tool_call":
            return parts.ToolCallPart(
                name=part.get("name") or "",
                arguments=_arguments(part),
                tool_call_id=part.get("id"),
                provider_metadata=metadata,
            )
        if kind == "tool_result":
            text, attached = _result(self.llm, part, self.model)
            return parts.ToolResultPart(
                name=part.get("name") or "",
                output=text,
                tool_call_id=part.get("id"),
                attachments=attached,
                exception=text if part.get("isError") else None,
                provider_metadata=metadata,
            )
        if is_media(part):
            return parts.AttachmentPart(attachment=attachment(self.llm, part, self.model), provider_metadata=metadata)
        return None


def _parts(message):
    content = message.get("content")
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [part for part in content or () if isinstance(part, dict)]


def _arguments(part):
    arguments = part.get("arguments")
    if isinstance(arguments, dict):
        return arguments
    return {"_raw": arguments} if arguments else {}  # as llm keeps JSON that is broken


def _result(llm, part, model):
    """(text, attachments) of a tool's result."""
    content = [each for each in part.get("content") or () if isinstance(each, dict)]
    text = part.get("text")
    if text is None:
        text = "\n".join(each.get("text") or "" for each in content if each.get("type") == "text")
    return text, [attachment(llm, each, model) for each in content if is_media(each)]
