"""Prints wherever it can, and takes its time."""
import os
import sys
import time

from llm_utils import LLMClient

print("noise at import")


class SlowNoisy(LLMClient):
    def generate_response(self, system, user_message, max_tokens=4096, temperature=0.8):
        print('{"jsonrpc": "2.0", "id": 1, "result": {}}')
        os.write(1, b"noise past Python\n")
        os.system("echo noise of a child")
        sys.stdout.write("noise without an end")
        time.sleep(0.3)
        return "slow but done"

    def count_tokens(self, text):
        print("noise while counting")
        return 3
