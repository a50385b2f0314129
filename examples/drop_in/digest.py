"""Sums up what you paste, by picking its most telling sentences. No language model, no network, no key.

A drop-in chat plugin: put this file into the plugins folder, and `digest` is in the dropdown.
"""

import re

from llm_utils import LLMClient  # Consort brings it; there is nothing to install

_COMMON = set(
    "a an and are as at be but by for from has have he i in is it its of on or she that the they this to was we with "
    "you".split()
)


class DigestClient(LLMClient):
    """Picks the sentences whose words come up most often."""

    # Called by position: (system prompt, the conversation as one text, at most so many tokens, temperature).
    # Your names for them are free. A parameter behind the four, with a default, becomes an option of the model.
    def generate_response(self, system, user_message, max_tokens=4096, temperature=0.7, sentences=3):
        # The conversation looks like "User: …\nAssistant: …\nUser: …"; the last question is behind the last "User: ".
        text = user_message.rpartition("User: ")[2].strip()
        found = re.findall(r"[^.!?\n]+[.!?]*", text)
        if len(found) <= sentences:
            # A plain string would do as an answer; `yield` makes it a stream. One function has to choose.
            yield text or "Paste a text, and I sum it up."
            return
        weight = {}
        for word in _words(text):
            weight[word] = weight.get(word, 0) + 1
        telling = sorted(found, key=lambda sentence: -_telling(sentence, weight))[:sentences]
        left = max_tokens
        for sentence in found:  # in the order in which they stood
            if sentence in telling:
                left -= self.count_tokens(sentence)
                if left < 0:
                    return
                yield sentence.strip() + " "

    # Called often, so it has to be quick. Each text is asked for once.
    def count_tokens(self, text):
        return max(1, len(text) // 4)


def _words(text):
    return [word for word in re.findall(r"[^\W\d_]+", text.lower()) if word not in _COMMON]


def _telling(sentence, weight):
    words = _words(sentence)
    return sum(weight[word] for word in words) / (len(words) + 3)
