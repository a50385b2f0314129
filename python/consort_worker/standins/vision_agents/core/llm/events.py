"""The events of models, with the fields of every version that had them."""

from ..events import PluginBaseEvent


class _WithError:
    @property
    def error_message(self):
        return self.__dict__.get("error_message") or (str(self.error) if self.error else "Unknown error")

class LLMRequestStartedEvent(PluginBaseEvent):
    type = "plugin.llm_request_started"
    request_id = None
    model = None
    streaming = False


class LLMResponseChunkEvent(PluginBaseEvent):
    type = "plugin.llm_response_chunk"
    content_index = None
    delta = None
    item_id = None
    output_index = None
    sequence_number = None
    is_first_chunk = False
    time_to_first_token_ms = None


class LLMResponseCompletedEvent(PluginBaseEvent):
    type = "plugin.llm_response_completed"
    original = None
    text = ""
    item_id = None
    latency_ms = None
    time_to_first_token_ms = None
    input_tokens = None
    output_tokens = None
    total_tokens = None
    model = None


class LLMResponseFinalEvent(PluginBaseEvent):
    type = "plugin.llm_response_final"
    text = ""
    model = None


class LLMErrorEvent(_WithError, PluginBaseEvent):
    type = "plugin.llm_error"
    error = None
    error_code = None
    context = None
    request_id = None
    is_recoverable = True


class ToolStartEvent(PluginBaseEvent):
    type = "plugin.llm.tool.start"
    tool_name = ""
    arguments = None
    tool_call_id = None


class ToolEndEvent(PluginBaseEvent):
    type = "plugin.llm.tool.end"
    tool_name = ""
    success = True
    result = None
    error = None
    tool_call_id = None
    execution_time_ms = None


class RealtimeConnectedEvent(PluginBaseEvent):
    type = "plugin.realtime_connected"
    provider = None
    session_config = None
    capabilities = None


class RealtimeDisconnectedEvent(PluginBaseEvent):
    type = "plugin.realtime_disconnected"
    provider = None
    reason = None
    was_clean = True
    clean = True


class RealtimeAudioInputEvent(PluginBaseEvent):
    type = "plugin.realtime_audio_input"
    data = None
    audio_data = None
    audio_format = "s16"
    sample_rate = 16000
    channels = 1


class RealtimeAudioOutputEvent(PluginBaseEvent):
    type = "plugin.realtime_audio_output"
    data = None
    audio_data = None
    audio_format = "s16"
    sample_rate = 16000
    channels = 1
    response_id = None
    epoch = 0


class RealtimeAudioOutputDoneEvent(PluginBaseEvent):
    type = "plugin.realtime_audio_output_done"
    response_id = None
    interrupted = False


class RealtimeResponseEvent(PluginBaseEvent):
    type = "plugin.realtime_response"
    original = None
    text = None
    response_id = None
    is_complete = True
    conversation_item_id = None


class RealtimeConversationItemEvent(PluginBaseEvent):
    type = "plugin.realtime_conversation_item"
    item_id = None
    item_type = None
    status = None
    role = None
    content = None


class RealtimeErrorEvent(_WithError, PluginBaseEvent):
    type = "plugin.realtime_error"
    error = None
    error_code = None
    context = None
    is_recoverable = True


class RealtimeUserSpeechTranscriptionEvent(PluginBaseEvent):
    type = "plugin.realtime_user_speech_transcription"
    text = ""
    mode = "final"
    original = None


class RealtimeAgentSpeechTranscriptionEvent(PluginBaseEvent):
    type = "plugin.realtime_agent_speech_transcription"
    text = ""
    mode = "delta"
    original = None


class VLMInferenceStartEvent(PluginBaseEvent):
    type = "plugin.vlm_inference_start"
    inference_id = None
    model = None
    frames_count = 0


class VLMInferenceCompletedEvent(PluginBaseEvent):
    type = "plugin.vlm_inference_completed"
    inference_id = None
    model = None
    text = ""
    latency_ms = None
    input_tokens = None
    output_tokens = None
    frames_processed = 0
    detections = 0


class VLMErrorEvent(_WithError, PluginBaseEvent):
    type = "plugin.vlm_error"
    error = None
    error_code = None
    context = None
    inference_id = None
    is_recoverable = True
