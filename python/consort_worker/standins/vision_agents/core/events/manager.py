"""The bus: what is sent on it reaches the request that the plugin works for, and the plugin's own subscribers."""

import sys

from consort_worker.vision.current import current

from .base import BaseEvent


class ExceptionEvent(BaseEvent):
    """A subscriber failed."""

    type = "base.exception"
    exc = None
    handler = None


class EventManager:
    _doubted = False

    def __init__(self, ignore_unknown_events=True):
        self._handlers = []  # (the names of event classes or None for all, the function)
        self._session = None  # the live session whose model this is
        self._requests = []  # those that are being answered, the newest last

    def register(self, *classes, **ignored):
        """Every class of events is known here."""

    def register_events_from_module(self, *ignored, **more):
        """Every class of events is known here."""

    def merge(self, other):
        self._handlers.extend(other._handlers)

    def send(self, *events):
        request = self._session or current.get() or self._only()
        for event in events:
            if request is not None:
                request.on_event(event)
            if self._handlers:
                self._tell(event, request)

    def _only(self):
        """For events from threads of which nothing is known: whose they are is certain where one request is under way."""
        if len(self._requests) > 1:
            if not self._doubted:
                self._doubted = True
                print(f"an event came from a thread that works for none of {len(self._requests)} requests; it is dropped, and so "
                      "is what follows: start the thread in `simple_response`", file=sys.stderr)
            return None
        return self._requests[0] if self._requests else None

    def subscribe(self, function):
        """For the events that the function's annotation names; without one, for all."""
        self._handlers.append((_wanted(function), function))
        return function

    def unsubscribe(self, function):
        self._handlers = [each for each in self._handlers if each[1] is not function]

    def has_subscribers(self, event_class):
        return any(wanted is None or event_class.__name__ in wanted for wanted, _ in self._handlers)

    def silent(self, *ignored):
        """Nothing is logged of events here."""

    def _tell(self, event, request):
        """What goes wrong in a subscriber is none of the sender's affair, whose next line runs."""
        names = {each.__name__ for each in type(event).__mro__}
        for wanted, function in list(self._handlers):
            if wanted is not None and not wanted & names:
                continue
            try:
                returned = function(event)
                if hasattr(returned, "__await__"):
                    _start(returned, request)
            except Exception as error:
                _complain(error, request)

    async def wait(self, timeout=10.0):
        """Lets the subscribers run that were told before."""
        import asyncio

        await asyncio.sleep(0)

    async def shutdown(self):
        self._handlers.clear()


def _start(awaitable, request):
    import asyncio

    async def run():
        try:
            await awaitable
        except Exception as error:
            _complain(error, request)

    try:
        task = asyncio.get_running_loop().create_task(run())
    except RuntimeError:  # sent from a thread
        from consort_worker import loop

        asyncio.run_coroutine_threadsafe(run(), loop.get())
    else:
        _running.add(task)
        task.add_done_callback(_running.discard)


_running = set()  # a loop holds its tasks weakly


def _complain(error, request):
    from consort_worker.vision import data

    message = f"a subscriber failed: {data.failed(error)}"
    print(message, file=sys.stderr)
    over = getattr(request, "over", None) is True or getattr(request, "closed", False)
    if request is not None and not over:
        request.warn_once(message, data.kind(error, "subscriber"))


def _wanted(function):
    """The names of the classes in a handler's annotation: `ChunkEvent | CompletedEvent`, `Union[…]`."""
    said = [each for name, each in getattr(function, "__annotations__", {}).items() if name != "return"]
    if not said:
        return None
    text = said[0] if isinstance(said[0], str) else getattr(said[0], "__name__", str(said[0]))
    word, words = "", set()
    for letter in text + " ":
        if letter.isalnum() or letter == "_":
            word += letter
        else:
            words.add(word)
            word = ""
    return words
