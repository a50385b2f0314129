"""@NAME@: say here what this model is."""
# /// script
# dependencies = ["llm"]
# ///
import llm


@llm.hookimpl
def register_models(register):
    register(@CLASS@())


class @CLASS@(llm.Model):
    """Say here what this model is; the first line is its description."""

    model_id = "@NAME@"
    can_stream = True

    class Options(llm.Options):
        loud: bool = False

    def execute(self, prompt, stream, response, conversation):
        words = (prompt.prompt or "").split()
        for word in ["heard:", *words]:
            yield (word.upper() if prompt.options.loud else word) + " "
        response.set_usage(input=len(words), output=len(words) + 1)
