"""The core of vision-agents, as far as models use it."""
