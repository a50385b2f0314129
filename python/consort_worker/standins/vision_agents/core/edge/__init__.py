"""Who takes part."""

from .types import Participant, User

__all__ = ["Participant", "User"]
