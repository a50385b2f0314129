"""A stand-in for the module `llm_utils` that drop-in plugins import, for where there is no real one."""

import sys
from abc import ABC, abstractmethod


class LLMClient(ABC):
    """What a drop-in plugin derives from."""

    @abstractmethod
    def generate_response(self, system, user_message, max_tokens, temperature):
        """Answers the transcript `user_message`."""

    @abstractmethod
    def count_tokens(self, text):
        """Says how many tokens a text has."""


LLMClient.__module__ = "llm_utils"


def provide(client_for):
    """Makes `import llm_utils` work, and gives (the class to derive from, a note or None).

    A real `llm_utils` comes first. One that cannot run outside its own application does not count.
    """
    note = None
    try:
        import llm_utils

        return llm_utils.LLMClient, None
    except ImportError as error:
        if getattr(error, "name", None) != "llm_utils":
            note = error
    except Exception as error:  # the original looks for a folder when it is imported
        note = error
    sys.modules["llm_utils"] = _module(client_for)
    if note is not None:
        note = f"the llm_utils beside the plugin cannot run here ({type(note).__name__}: {note}); a stand-in is used"
    return LLMClient, note


def _module(client_for):
    """The names of the original module. Where the original reaches all plugins, this reaches the one that runs here."""
    module = type(sys)("llm_utils", "A stand-in, brought by Consort.")

    def get_llm_client(client_type):
        return client_for(client_type)

    def generate_response(system=None, user_message=None, max_tokens=4096, temperature=0.8, client_type=None):
        return client_for(client_type).generate_response(system, user_message, max_tokens, temperature)

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
        return client_for(client_type).count_tokens(text)

    def get_available_llm_plugins():
        from ..loading import plugin

        return [plugin.name]

    module.LLMClient = LLMClient
    module.get_llm_client = get_llm_client
    module.generate_response = module.generate_text_response = generate_response
    module.generate_json_response = generate_json_response
    module.count_tokens = count_tokens
    module.get_available_llm_plugins = get_available_llm_plugins
    return module
