# /// llm-plugin
# protocol = 1
# ///
"""A toolbox of the protocol: each that is opened keeps its own notes. One of its tools ends the process."""

import json
import os
import sys

BOX = {"name": "Notes", "configSchema": {"properties": {"most": {}}}, "tools": [{"name": "Notes_add"}, {"name": "Notes_end"}]}
KEYED = {"name": "Keyed", "configSchema": {"properties": {"path": {}}, "required": ["path"]}, "tools": [{"name": "Keyed_read"}]}
kept = {}

for line in sys.stdin:
    message = json.loads(line)
    method, params, result = message["method"], message.get("params") or {}, {}
    if method == "initialize":
        able = {"generate": False, "tools": True}
        result = {"protocolVersion": 1, "plugin": {"name": "Notes"}, "capabilities": able}
    elif method == "models/list":
        result = {"models": []}
    elif method == "tools/list":
        result = {"tools": [], "toolboxes": [BOX, KEYED]}
    elif method == "tools/open":
        result = {"instance": str(len(kept))}
        kept[result["instance"]] = 0
    elif method == "tools/call":
        if params["name"] == "Notes_end":
            os._exit(1)
        kept[params["instance"]] += 1
        result = {"content": [{"type": "text", "text": f"{kept[params['instance']]} notes"}]}
    if "id" in message:
        print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}), flush=True)
