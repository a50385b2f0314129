"""Imports what is not there."""
import speech_recognition

from llm_utils import LLMClient


class Dumper(LLMClient):
    def generate_response(self, system, user_message, max_tokens=4096, temperature=0.8):
        return speech_recognition.__version__

    def count_tokens(self, text):
        return 1
