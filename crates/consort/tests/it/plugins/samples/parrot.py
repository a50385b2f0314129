"""Says it back, with what it was called with. Needs nothing."""
from llm_utils import LLMClient


class Parrot(LLMClient):
    def generate_response(self, system, user_message, max_tokens=4096, temperature=0.8):
        words = user_message.rpartition("User: ")[2].split()[:max_tokens]
        return f"**parrot** (t={temperature}, sys={len(system or '')}): " + " ".join(words)

    def count_tokens(self, text):
        return len(text.split())
