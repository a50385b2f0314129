"""What the scripted models answer, whatever wire they speak: the same words, so that one client can talk with all of them."""
# Long, in clauses as people speak.
COUNTED = ("one two three four, five six seven eight, nine ten eleven twelve, thirteen fourteen fifteen sixteen, seventeen "
           "eighteen nineteen twenty, ")


class Call:
    """A tool is to be called."""

    def __init__(self, name):
        self.name, self.arguments = name, {"city": "Oslo"}


def answer(history, tools):
    """The answer to a conversation of `(who, words)`, who being user, assistant, or tool with `name said: words`."""
    asked = next((words for who, words in reversed(history) if who == "user"), "")
    who, words = history[-1] if history else ("user", "")
    if who == "tool":
        return f"You said: {asked} {words}"
    for name in tools:
        if name in asked.split():
            return Call(name)
    if "count" in asked.split():
        return (COUNTED * 3).strip(", ") + "."
    if "recall" in asked.split():
        said = [words.strip() for who, words in history if who == "assistant" and words.strip()]
        return "I said: " + (" / ".join(said) or "nothing")
    return f"You said: {asked.strip() or 'nothing'}"
