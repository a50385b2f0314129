"""Claude on AWS Bedrock, as a model of Vision Agents: the form of its guide, with events for each piece, and tools.

The keys are those that the AWS command line uses; nothing is granted here but the variables that it reads.

    consort plugins install-deps aws_llm
    consort plugins grant aws_llm AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_REGION
    consort -m aws_llm "Hello"
"""
# /// script
# dependencies = ["boto3"]
# ///
import asyncio
import json

from vision_agents.core.agents.conversation import Message
from vision_agents.core.llm.events import LLMResponseChunkEvent, LLMResponseCompletedEvent
from vision_agents.core.llm.llm import LLM, LLMResponseEvent  # Consort brings it

ROUNDS = 5  # of tools, before the model has to answer


class BedrockLLM(LLM):
    """A model on Bedrock by AWS's own library, which knows no asyncio: it is read in a thread."""

    def __init__(self, model: str = "anthropic.claude-sonnet-4-5-20250929-v1:0", region_name: str = None, client=None):
        super().__init__()
        self.model = model
        if client is None:
            import boto3

            client = boto3.client("bedrock-runtime", region_name=region_name)
        self.client = client

    # The vendor's own call, under its own name.
    async def converse_stream(self, *args, **kwargs):
        if self._instructions:
            kwargs["system"] = [{"text": self._instructions}]
        tools = self._get_tools_for_provider()
        if tools:
            kwargs["toolConfig"] = {"tools": tools}
        kwargs.setdefault("modelId", self.model)
        response = await asyncio.to_thread(self.client.converse_stream, *args, **kwargs)
        said, calls, usage = "", {}, {}
        async for event in _unblocked(response["stream"]):
            if "contentBlockStart" in event:
                start = event["contentBlockStart"]
                if "toolUse" in start.get("start", {}):
                    calls[start["contentBlockIndex"]] = {**start["start"]["toolUse"], "input": ""}
            elif "contentBlockDelta" in event:
                delta = event["contentBlockDelta"]["delta"]
                if "text" in delta:
                    said += delta["text"]
                    self.events.send(LLMResponseChunkEvent(plugin_name="aws", delta=delta["text"]))
                elif "toolUse" in delta:
                    calls[event["contentBlockDelta"]["contentBlockIndex"]]["input"] += delta["toolUse"]["input"]
            elif "metadata" in event:
                usage = event["metadata"].get("usage", {})
        return said, list(calls.values()), usage

    async def simple_response(self, text, processors=None, participant=None):
        before = self._conversation.messages if self._conversation else []
        messages = [_message(message.role, message.content) for message in before]
        messages += [message.original for message in self._normalize_message(text)]
        total, seen = "", set()
        for _ in range(ROUNDS):
            said, calls, usage = await self.converse_stream(messages=messages)
            total += said
            if not calls:
                break
            asked = [{"text": said}] if said else []
            asked += [{"toolUse": {**call, "input": _decoded(call["input"])}} for call in calls]
            messages.append({"role": "assistant", "content": asked})
            wanted = [{"id": c["toolUseId"], "name": c["name"], "arguments_json": _decoded(c["input"])} for c in calls]
            done, seen = await self._dedup_and_execute(wanted, seen=seen)
            messages.append({"role": "user", "content": [_result(*each) for each in done]})
        self.events.send(
            LLMResponseCompletedEvent(
                plugin_name="aws",
                original=None,
                text=total,
                model=self.model,
                input_tokens=usage.get("inputTokens"),
                output_tokens=usage.get("outputTokens"),
                total_tokens=usage.get("totalTokens"),
            )
        )
        return LLMResponseEvent(None, total)

    def _convert_tools_to_provider_format(self, tools):
        return [
            {
                "toolSpec": {
                    "name": tool["name"],
                    "description": tool["description"] or tool["name"],
                    "inputSchema": {"json": tool["parameters_schema"]},
                }
            }
            for tool in tools
        ]

    @staticmethod
    def _normalize_message(my_input):
        return [Message(content=my_input, role="user", original=_message("user", my_input))]


def _message(role, text):
    return {"role": role, "content": [{"text": text}]}


async def _unblocked(events):
    """Reads a blocking iterator in a thread, an event at a time: other requests go on meanwhile."""
    iterator, end = iter(events), object()
    while (event := await asyncio.to_thread(next, iterator, end)) is not end:
        yield event


def _decoded(text):
    return json.loads(text) if text else {}


def _result(call, result, error):
    status = "error" if error else "success"
    return {"toolResult": {"toolUseId": call["id"], "status": status, "content": [{"text": str(result)}]}}
