"""The scripted vendors, on ports that are printed: FILE takes a line for each rule that was broken, and for what happened."""
import asyncio
import sys

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

import chat
import vendor_gemini
import vendor_openai


async def main(path):
    file = open(path, "a")

    def note(line):
        file.write(line + "\n")
        file.flush()

    def guarded(vendor):
        async def take(socket):
            try:
                await vendor.serve(socket)
            except ConnectionClosed:
                pass  # it was cut, perhaps by us
            except Exception as error:
                note(f"WRONG {type(vendor).__module__}: {type(error).__name__}: {error}")
                raise

        return take

    async with (
        serve(guarded(vendor_openai.Vendor(note)), "127.0.0.1", 0, ping_interval=None) as openai,
        serve(guarded(vendor_gemini.Vendor(note)), "127.0.0.1", 0, ping_interval=None) as gemini,
        await asyncio.start_server(chat.Chat(note).serve, "127.0.0.1", 0) as talker,
    ):
        print(*(each.sockets[0].getsockname()[1] for each in (openai, gemini, talker)), flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(main(sys.argv[1]))
