"""The first class by name is an abstract helper, and another one is only imported."""
from abc import abstractmethod
from collections import OrderedDict as AardvarkClient  # noqa: F401

from llm_utils import LLMClient


class ABase(LLMClient):
    @abstractmethod
    def where(self):
        """Says where."""

    def generate_response(self, system, user_message, max_tokens=4096, temperature=0.8):
        return f"concrete at {self.where()}"

    def count_tokens(self, text):
        return 1


class Real(ABase):
    def where(self):
        return "last"
