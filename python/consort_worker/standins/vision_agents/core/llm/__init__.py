"""What models derive from."""

from .function_registry import FunctionRegistry, function_registry
from .llm import LLM, AudioLLM, OmniLLM, VideoLLM

__all__ = ["LLM", "AudioLLM", "FunctionRegistry", "OmniLLM", "Realtime", "VideoLLM", "function_registry", "realtime"]


def __getattr__(name):
    if name in ("Realtime", "AudioInputPacingConfig", "realtime"):
        import importlib

        realtime = importlib.import_module(".realtime", __name__)
        return realtime if name == "realtime" else getattr(realtime, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
