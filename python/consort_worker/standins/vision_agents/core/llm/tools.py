"""The tool loop as models call it: registering functions, running the calls of a round, each call once."""

import json

from .events import ToolEndEvent, ToolStartEvent


class ToolLoop:
    def register_function(self, name=None, description=None):
        return self.function_registry.register(name, description)

    def get_available_functions(self):
        return self.function_registry.get_tool_schemas()

    async def call_function(self, name, arguments):
        return await self.function_registry.call_function(name, arguments)

    # What a vendor's model overrides.

    def _get_tools_for_provider(self):
        return self._convert_tools_to_provider_format(self.get_available_functions())

    def _convert_tools_to_provider_format(self, tools):
        return []

    def _extract_tool_calls_from_response(self, response):
        return []

    def _extract_tool_calls_from_stream_chunk(self, chunk):
        return []

    def _create_tool_result_message(self, tool_calls, results):
        return []

    # What it calls.

    def _tc_key(self, call):
        return call.get("id"), call["name"], json.dumps(_arguments(call), sort_keys=True, default=str)

    async def _run_one_tool(self, call, timeout_s=30):
        """(the call, its result, the error or None)"""
        import asyncio

        arguments, name, ident = _arguments(call), call["name"], call.get("id")
        self.events.send(
            ToolStartEvent(plugin_name="llm", tool_name=name, arguments=arguments, tool_call_id=ident)
        )
        end = {"plugin_name": "llm", "tool_name": name, "tool_call_id": ident}
        try:
            result = await asyncio.wait_for(self.call_function(name, arguments), timeout_s)
        except Exception as error:
            said = str(error) or type(error).__name__
            self.events.send(ToolEndEvent(success=False, error=said, **end))
            return call, {"error": said}, error
        self.events.send(ToolEndEvent(success=True, result=result, **end))
        return call, result, None

    async def _execute_tools(self, calls, *, max_concurrency=8, timeout_s=30):
        import asyncio

        turnstile = asyncio.Semaphore(max_concurrency)

        async def run(call):
            async with turnstile:
                return await self._run_one_tool(call, timeout_s)

        return list(await asyncio.gather(*[run(call) for call in calls]))

    async def _dedup_and_execute(self, calls, *, max_concurrency=8, timeout_s=30, seen=None):
        """(the results of calls that were not seen before, all that were seen)"""
        seen = set() if seen is None else seen
        fresh = []
        for call in calls:
            key = self._tc_key(call)
            if key not in seen:
                seen.add(key)
                fresh.append(call)
        return await self._execute_tools(fresh, max_concurrency=max_concurrency, timeout_s=timeout_s), seen

    def _sanitize_tool_output(self, value, max_chars=60_000):
        text = value if isinstance(value, str) else json.dumps(value, default=str)
        return text if len(text) <= max_chars else text[:max_chars] + "…"


def _arguments(call):
    return call.get("arguments_json", call.get("arguments")) or {}
