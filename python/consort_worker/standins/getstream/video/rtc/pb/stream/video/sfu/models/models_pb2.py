"""Who takes part, where older versions have it."""

from vision_agents.core.edge.types import Participant

__all__ = ["Participant"]
