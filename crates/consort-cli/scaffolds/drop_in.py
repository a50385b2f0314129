"""@NAME@: say here what this model is; the first line is its description."""
from llm_utils import LLMClient


class @CLASS@Client(LLMClient):
    def __init__(self):
        # Keys come from the environment, once the user granted them:
        #   self.key = os.environ["ACME_API_KEY"]      consort plugins grant @NAME@ ACME_API_KEY
        self.name = "@NAME@"

    def generate_response(self, system, user_message, max_tokens=4096, temperature=0.8):
        # `user_message` is the whole conversation: "User: ...\nAssistant: ...\nUser: ...".
        question = user_message.rsplit("User: ", 1)[-1]
        return f"{self.name} heard: {question}"

    def count_tokens(self, text):
        return len(text.split())
