"""A stand-in for the module that drop-in plugins import. A file, so that processes that a plugin starts find it too."""

from abc import ABC as _ABC
from abc import abstractmethod as _abstractmethod

__all__ = [
    "LLMClient",
    "get_llm_client",
    "generate_response",
    "generate_text_response",
    "generate_json_response",
    "count_tokens",
    "get_available_llm_plugins",
]

# Where the original reaches all plugins, this reaches the one that runs here. The worker sets both.
_plugins = []


def _client_for(client_type):
    raise RuntimeError("no plugin runs in this process: llm_utils reaches one in its own process only")


class LLMClient(_ABC):
    """What a drop-in plugin derives from."""

    @_abstractmethod
    def generate_response(self, system, user_message, max_tokens, temperature):
        """Answers the transcript `user_message`."""

    @_abstractmethod
    def count_tokens(self, text):
        """Says how many tokens a text has."""


def get_llm_client(client_type):
    return _client_for(client_type)


def generate_response(system=None, user_message=None, max_tokens=4096, temperature=0.8, client_type=None):
    return _client_for(client_type).generate_response(system, user_message, max_tokens, temperature)


generate_text_response = generate_response


def generate_json_response(system=None, user_message=None, max_tokens=4096, temperature=0.8, client_type=None):
    import json

    asked = "Please provide your response in valid JSON format."
    asked = asked if user_message is None else f"{user_message}\n{asked}"
    said = generate_response(system, asked, max_tokens, temperature, client_type)
    try:
        return json.loads(said)
    except (TypeError, ValueError):
        return said


def count_tokens(text, client_type=None):
    return _client_for(client_type).count_tokens(text)


def get_available_llm_plugins():
    return list(_plugins)
