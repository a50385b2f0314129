"""Helpers of vision-agents."""
