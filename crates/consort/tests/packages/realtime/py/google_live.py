"""The official google-genai library, as the scripts here use it."""
import asyncio

from google import genai


def client(address, token, version="v1beta"):
    """With a key the library speaks over TLS and nothing else. It trusts what SSL_CERT_FILE names."""
    return genai.Client(api_key=token, http_options={"base_url": f"https://{address}", "api_version": version})


async def until(session, done, limit=60):
    """All messages up to the first for which this holds. The library's own `receive` ends with each turn."""

    async def messages():
        seen = []
        while True:
            async for message in session.receive():
                seen.append(message)
                if done(message):
                    return seen

    return await asyncio.wait_for(messages(), limit)
