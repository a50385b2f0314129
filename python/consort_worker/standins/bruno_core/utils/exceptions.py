"""bruno's exceptions."""


class BrunoError(Exception):
    def __init__(self, message, details=None, cause=None):
        super().__init__(message)
        self.message = message
        self.details = details or {}
        self.cause = cause

    def __str__(self):
        return f"{self.message}: {self.cause}" if self.cause is not None else self.message


class ConfigError(BrunoError):
    pass


class LLMError(BrunoError):
    pass


class MemoryError(BrunoError):
    pass


class AbilityError(BrunoError):
    pass


class ValidationError(BrunoError):
    pass


class StreamError(BrunoError):
    pass
