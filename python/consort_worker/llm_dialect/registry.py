"""The plugin's models. Some plugins ask a server for them, so registering has a time limit, and may end later."""

import sys
import threading

from ..failures import Failure
from .package import is_a

_PATIENCE = 5.0  # seconds that a listing may take


class Entry:
    """One model id: its synchronous model, its asynchronous one, or both."""

    def __init__(self, model_id):
        self.model_id = model_id
        self.sync = None
        self.asynchronous = None
        self.aliases = []

    @property
    def any(self):
        return self.sync or self.asynchronous

    def for_stream(self, stream):
        """The asynchronous model where streaming is wanted and there is one; it needs no thread of its own."""
        if stream:
            return self.asynchronous or self.sync
        return self.sync or self.asynchronous


class Registry:
    def __init__(self, llm, on_late):
        self.llm = llm
        self.on_late = on_late  # called when a registration that was too slow brought more
        self.lock = threading.Lock()
        self.run = None

    def has_models(self):
        return bool(self.llm.plugins.pm.hook.register_models.get_hookimpls())

    def has_embedding(self):
        return bool(self.llm.plugins.pm.hook.register_embedding_models.get_hookimpls())

    def listed(self, fresh=False):
        """(entries, embedding models) as far as they are known within the time limit, and what the plugin raised."""
        run = self._started(fresh)
        if not run.done.wait(_PATIENCE):
            run.is_owed = True
            before = run.before
            if before is not None:  # what a slow server told the last time is better than nothing
                return ({**before.models, **run.models}, {**before.embedding, **run.embedding}), None
            return (dict(run.models), dict(run.embedding)), None
        run.is_owed = False
        return (dict(run.models), dict(run.embedding)), run.error

    def known(self, model_id):
        """An entry if it is already there: never waits."""
        run = self.run
        return run.find("models", model_id) if run is not None else None

    def model(self, model_id, call):
        return self._found(model_id, call, "models")

    def embedding_model(self, model_id, call):
        return self._found(model_id, call, "embedding")

    def _found(self, model_id, call, kind):
        run = self._started(False)
        while True:
            done = run.done.is_set()
            found = run.find(kind, model_id)
            if found is not None:
                return found
            if done:
                break
            run.done.wait(0.05)
            if call.cancelled:
                from ..calls import Cancelled

                raise Cancelled
        if run.error is not None:
            raise run.error
        raise Failure("model_not_found", f"this plugin has no model `{model_id}`")

    def _started(self, fresh):
        with self.lock:
            # One that still waits for its server is not started a second time, nor one that came late and was not
            # yet asked for: a list that is always late would be asked for forever.
            if self.run is None or (fresh and self.run.done.is_set() and not self.run.is_owed):
                before = self.run
                if before is not None:
                    before.before = None
                self.run = _Run(self.llm, self.on_late, before)
            return self.run


class _Run:
    """One call of the plugin's registration hooks, in a thread of its own."""

    def __init__(self, llm, on_late, before):
        self.llm = llm
        self.on_late = on_late
        self.before = before
        self.models = {}
        self.embedding = {}
        self.aliases = []  # what newer versions of llm show to hooks
        self.error = None
        self.is_owed = False  # somebody went away with less than all
        self.done = threading.Event()
        threading.Thread(target=self._work, name="register", daemon=True).start()

    def find(self, kind, wanted):
        kept = getattr(self, kind)
        found = kept.get(wanted)
        if found is None:
            found = next((entry for entry in list(kept.values()) if wanted in entry.aliases), None)
        if found is None and self.before is not None and not self.done.is_set():
            return self.before.find(kind, wanted)
        return found

    def _work(self):
        hook = self.llm.plugins.pm.hook
        try:
            if hook.register_models.get_hookimpls():
                hook.register_models(register=self._register, model_aliases=self.aliases)
            if hook.register_embedding_models.get_hookimpls():
                hook.register_embedding_models(register=self._register_embedding)
        except BaseException as error:  # also a plugin that ends the program while it registers
            self.error = error
        finally:
            self.done.set()
        if self.is_owed:
            self.on_late()

    def _register(self, model, async_model=None, aliases=None):
        models = self.llm.models
        for each in (model, async_model):
            if each is None:
                continue
            _mend(each)
            entry = self.models.get(each.model_id) or Entry(each.model_id)
            # By what it is and not by where it stands: the guide's own example passes both as it likes.
            if is_a(each, models, "AsyncModel", "AsyncKeyModel"):
                entry.asynchronous = each
            elif is_a(each, models, "Model", "KeyModel"):
                entry.sync = each
            else:
                raise Failure("plugin_bug", f"{type(each).__name__} derives from none of llm's model classes")
            # Only now: a request may be looking for it.
            self.models[each.model_id] = entry
        name = (model or async_model).model_id
        new = [alias for alias in aliases or () if alias not in self.models[name].aliases]
        self.models[name].aliases.extend(new)
        self.aliases.append(models.ModelWithAliases(model, async_model, list(aliases or ())))

    def _register_embedding(self, model, aliases=None):
        entry = self.embedding.get(model.model_id) or Entry(model.model_id)
        entry.sync = model
        entry.aliases.extend(aliases or ())
        self.embedding[model.model_id] = entry


def _mend(model):
    """`support_schema` is what the guide of llm says, and `supports_schema` is what llm reads."""
    if not hasattr(model, "model_id"):
        raise Failure("plugin_bug", f"{type(model).__name__} has no model_id", at=_class_at(type(model)))
    if getattr(model, "support_schema", False) and not model.supports_schema:
        try:
            model.supports_schema = True
        except AttributeError:
            pass


def _class_at(of_class):
    import inspect
    import os

    try:
        return f"{os.path.basename(sys.modules[of_class.__module__].__file__)}:{inspect.getsourcelines(of_class)[1]}"
    except (OSError, TypeError, KeyError):
        return None
