"""Names that pages of Vision Agents use without importing them: those of its packages, and of typing."""

_TYPING = ("Any", "AsyncIterator", "Callable", "Dict", "Iterator", "List", "Literal", "Optional", "Sequence", "Set",
           "TYPE_CHECKING", "Tuple", "Type", "TypeVar", "Union")
_LLM = "vision_agents.core.llm"
_MODULES = {
    f"{_LLM}.llm": (
        "LLM", "AudioLLM", "VideoLLM", "OmniLLM", "LLMResponseEvent", "LLMResponseDelta", "LLMResponseFinal",
    ),
    f"{_LLM}.realtime": (
        "Realtime", "RealtimeAudioOutput", "RealtimeAudioOutputDone", "RealtimeUserTranscript",
        "RealtimeAgentTranscript", "RealtimeUserSpeechStarted", "RealtimeUserSpeechEnded",
        "RealtimeAgentSpeechStarted", "RealtimeAgentSpeechEnded",
    ),
    f"{_LLM}.events": (
        "LLMRequestStartedEvent", "LLMResponseChunkEvent", "LLMResponseCompletedEvent", "LLMErrorEvent",
        "ToolStartEvent", "ToolEndEvent", "RealtimeConnectedEvent", "RealtimeDisconnectedEvent", "RealtimeAudioInputEvent",
        "RealtimeAudioOutputEvent", "RealtimeAudioOutputDoneEvent", "RealtimeResponseEvent",
        "RealtimeConversationItemEvent", "RealtimeErrorEvent", "RealtimeUserSpeechTranscriptionEvent",
        "RealtimeAgentSpeechTranscriptionEvent",
    ),
    "vision_agents.core.processors": ("Processor",),
    "vision_agents.core.edge.types": ("Participant",),
    "vision_agents.core.agents.conversation": ("Conversation", "InMemoryConversation", "Message"),
    "getstream.video.rtc.track_util": ("AudioFormat", "PcmData"),
    "getstream.video.rtc.audio_track": ("AudioStreamTrack",),
    "typing": _TYPING,
}


def _from(module, name):
    def give():
        import importlib

        # The real packages lack what their newer versions dropped; None fails where it is used, with its line.
        return getattr(importlib.import_module(module), name, None)

    return give


NAMES = {name: _from(module, name) for module, names in _MODULES.items() for name in names}
