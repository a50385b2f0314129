"""The host's tools as llm sees them. Only a plugin that runs a loop of its own ever calls one."""

from ..failures import Failure
from .media import attachment, is_media


def tools_for(llm, host, call, emitter_of, asynchronous):
    """llm.Tool objects for the tools of a request."""
    params = call.params
    choice = params.get("toolChoice")
    tools = params.get("tools") or []
    if choice == "none":
        tools = []
    elif isinstance(choice, dict):
        tools = [tool for tool in tools if tool.get("name") == choice.get("name")]
    return [
        llm.Tool(
            name=tool["name"],
            description=tool.get("description"),
            input_schema=tool.get("inputSchema") or {"type": "object", "properties": {}},
            implementation=_implementation(llm, host, call, tool["name"], emitter_of, asynchronous),
        )
        for tool in tools
    ]


def _implementation(llm, host, call, name, emitter_of, asynchronous):
    def prepared(tool_call, arguments):
        ident = getattr(tool_call, "tool_call_id", None) or f"run_{len(emitter_of().executed) + 1}"
        emitter_of().executed.add(ident)
        return {"request": call.ident, "id": ident, "name": name, "arguments": arguments}

    # `llm_tool_call` is the parameter in which llm hands the call over, with its id.
    def run(llm_tool_call=None, **arguments):
        return _output(llm, host.ask(call, "tools/run", prepared(llm_tool_call, arguments)))

    async def run_async(llm_tool_call=None, **arguments):
        return _output(llm, await host.ask_async("tools/run", prepared(llm_tool_call, arguments)))

    return run_async if asynchronous else run


def _output(llm, result):
    content = [part for part in result.get("content") or () if isinstance(part, dict)]
    text = "\n".join(part.get("text") or "" for part in content if part.get("type") == "text")
    if result.get("isError"):
        raise Failure("invalid_request", text or "the tool failed")  # llm makes an error result of it
    attached = [attachment(llm, part) for part in content if is_media(part)]
    # Versions of llm without ToolOutput have nowhere to put media.
    return llm.ToolOutput(output=text, attachments=attached) if attached and hasattr(llm, "ToolOutput") else text
