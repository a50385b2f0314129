"""The shapes of tools and their calls: plain dicts."""

ToolSchema = dict
NormalizedToolCallItem = dict
NormalizedToolResultItem = dict
NormalizedResponse = dict
