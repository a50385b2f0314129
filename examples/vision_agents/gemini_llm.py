"""Gemini, as a model of Vision Agents: the newest form of that contract, an iterator of deltas, with tools.

    consort plugins install-deps gemini_llm
    consort keys set gemini; consort plugins grant gemini_llm gemini
    consort -m gemini_llm "Hello"
"""
# /// script
# dependencies = ["google-genai"]
# ///
# /// llm-plugin
# secrets = ["gemini"]
# ///
from vision_agents.core.llm.llm import LLM, LLMResponseDelta, LLMResponseFinal  # Consort brings it

ROUNDS = 5  # of tools, before the model has to answer


class GeminiLLM(LLM):
    """Gemini by Google's own library."""

    provider_name = "gemini"

    def __init__(self, api_key: str, model: str = "gemini-2.5-flash", client=None):
        super().__init__()
        self.model = model
        if client is None:
            from google import genai  # takes a while to import, so only once it is needed

            client = genai.Client(api_key=api_key)
        self.client = client

    # The vendor's own call, under its own name.
    async def generate_content_stream(self, *args, **kwargs):
        config = dict(kwargs.pop("config", None) or {})
        if self._instructions:
            config["system_instruction"] = self._instructions
        tools = self._get_tools_for_provider()
        if tools:
            config["tools"] = tools
        kwargs.setdefault("model", self.model)
        return await self.client.aio.models.generate_content_stream(*args, config=config, **kwargs)

    async def simple_response(self, text, participant=None):
        before = self._conversation.messages if self._conversation else []
        contents = [_content(message.role, message.content) for message in before]
        contents += [message.original for message in self._normalize_message(text)]
        total, seen = "", set()
        for _ in range(ROUNDS):
            parts, calls, last = [], [], None
            async for chunk in await self.generate_content_stream(contents=contents):
                last = chunk
                for part in _parts(chunk):
                    parts.append(part)
                    call = getattr(part, "function_call", None)
                    if call:
                        calls.append({"id": call.id, "name": call.name, "arguments_json": dict(call.args or {})})
                    elif part.text and not getattr(part, "thought", None):
                        total += part.text
                        yield LLMResponseDelta(delta=part.text)
            if not calls:
                break
            # The model's own parts go back as they are: what signs its thoughts is in them.
            contents.append({"role": "model", "parts": parts})
            done, seen = await self._dedup_and_execute(calls, seen=seen)
            contents.append({"role": "user", "parts": [_result(call, result) for call, result, _ in done]})
        usage = getattr(last, "usage_metadata", None)
        yield LLMResponseFinal(
            text=total,
            model=getattr(last, "model_version", None) or self.model,
            input_tokens=getattr(usage, "prompt_token_count", None),
            output_tokens=getattr(usage, "candidates_token_count", None),
            total_tokens=getattr(usage, "total_token_count", None),
        )

    def _convert_tools_to_provider_format(self, tools):
        declared = [
            {"name": each["name"], "description": each["description"], "parameters_json_schema": each["parameters_schema"]}
            for each in tools
        ]
        return [{"function_declarations": declared}] if declared else []

    # How what the user says looks to this vendor.
    @staticmethod
    def _normalize_message(my_input):
        from vision_agents.core.agents.conversation import Message

        return [Message(content=my_input, role="user", original=_content("user", my_input))]


def _content(role, text):
    return {"role": "model" if role == "assistant" else "user", "parts": [{"text": text}]}


def _parts(chunk):
    candidates = chunk.candidates or []
    content = candidates[0].content if candidates else None
    return (content.parts or []) if content else []


def _result(call, result):
    return {"function_response": {"id": call["id"], "name": call["name"], "response": {"result": result}}}
