"""The keys that the plugin was granted, where `llm.get_key` looks: beside those that are stored, and the environment.

They are on no disk, and those of one worker are not another's.
"""

import os
import threading

from ..failures import Failure
from ..loading import plugin

_NOT_GRANTED = -32010  # the protocol's code


class Keys:
    def __init__(self, llm, host):
        self.host = host
        self.lock = threading.Lock()
        self.granted = {}
        self.variables = {}  # set here, name -> value
        self.refused = set()
        self.fetched = set()  # keys that the host was asked for, and gave
        self.asked = {}  # keys that the plugin asked for while it registered its models, and their variables
        self.may_ask = False  # the host answers nothing before the handshake is done
        self._stored = llm.load_keys
        llm.load_keys = self._loaded_by_plugin
        self._get_key = llm.get_key
        llm.get_key = self._asked_by_plugin

    def grant(self, secrets, models=()):
        """Takes the keys that came with a request."""
        fresh = {name: value for name, value in (secrets or {}).items() if isinstance(value, str) and value}
        with self.lock:
            self.granted.update(fresh)
            for name in fresh:
                plugin.key_help.pop(name, None)
            for model in models:
                value, variable = fresh.get(model.needs_key), getattr(model, "key_env_var", None)
                ours = self.variables.get(variable) == os.environ.get(variable or "")
                if value and variable and (not os.environ.get(variable) or ours):
                    os.environ[variable] = self.variables[variable] = value

    def ask_anew(self):
        """The host may have another word now on the keys that it was asked for."""
        with self.lock:
            self.refused.clear()
            for name in self.fetched:
                self.granted.pop(name, None)
            self.fetched.clear()

    def of_list(self):
        """Keys that the plugin asked for to list its models, and those that it did not get: {name: its variable or None}."""
        asked = dict(sorted(self.asked.items()))
        return asked, {name: variable for name, variable in asked.items() if name in self.refused}

    def _loaded_by_plugin(self):
        with self.lock:
            return {**self._stored(), **self.granted}

    def _asked_by_plugin(self, *arguments, **named):
        """`llm.get_key` with one more place to look: a key that the user granted, but that no request has brought."""
        found = self._get_key(*arguments, **named)
        name = named.get("alias") or named.get("key_alias") or (arguments[1] if len(arguments) > 1 else None)
        if not name:
            return found
        variable = named.get("env") or named.get("env_var") or (arguments[2] if len(arguments) > 2 else None)
        variable = variable if isinstance(variable, str) else None
        if threading.current_thread().name == "register":
            self.asked[name] = variable
        if found or not self.may_ask or name in self.refused:
            return found
        try:
            value = self._ask(name, variable)
        except Failure:
            value = None
        if not value:
            self.refused.add(name)
            return None
        self.grant({name: value})
        with self.lock:
            self.fetched.add(name)
        return value

    def _ask(self, name, variable):
        arrived, answer = threading.Event(), []
        wanted = {"name": name, **({"env": variable} if variable else {})}
        self.host.ask_later("secrets/get", wanted, lambda message: (answer.append(message), arrived.set()))
        if not arrived.wait(2.0):
            return None
        error = answer[0].get("error")
        if error is not None:
            # Only the host knows that it is granted, and just not set. One that is not granted may lack both.
            help_ = (error.get("data") or {}).get("help")
            if error.get("code") != _NOT_GRANTED and isinstance(help_, str):
                plugin.key_help[name] = help_
            return None
        return (answer[0].get("result") or {}).get("value")
