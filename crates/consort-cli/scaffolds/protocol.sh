#!/bin/sh
# /// llm-plugin
# protocol = 1
# ///
# @NAME@: a plugin that speaks the plugin protocol itself, by sed. It finds fields by their names and does not know JSON.

# The protocol has stdout for itself: it becomes descriptor 3, and what commands print lands in the log.
exec 3>&1 1>&2
send() { printf '{"jsonrpc":"2.0",%s}\n' "$1" >&3; }
answer() { send "\"id\":$1,\"result\":$2"; }
fail() { send "\"id\":$1,\"error\":{\"code\":$2,\"message\":\"$3\"}"; }
say() { send "\"method\":\"generate/event\",\"params\":{\"request\":$1,\"events\":[{\"type\":\"text\",\"text\":\"$2\"}]}"; }

# Streams an answer. The text stays as it stands in JSON, escapes and all: it is written into JSON again.
generate() {
    text=$(printf '%s\n' "$2" | sed -n 's/.*"text":"\(\([^"\\]\|\\.\)*\)".*/\1/p') || return
    say "$1" "heard: "
    say "$1" "$text "
}

while IFS= read -r line; do
    id=$(printf '%s\n' "$line" | sed -n 's/^{"jsonrpc":"2.0","id":\([0-9][0-9]*\),.*/\1/p')
    method=$(printf '%s\n' "$line" | sed -n 's/^[^[]*"method":"\([a-z/]*\)".*/\1/p')
    # A notification has no id. `cancel` is one: what reads line by line sees it after the answer.
    [ -n "$id" ] || continue
    case $method in
    initialize) answer "$id" '{"protocolVersion":1,"plugin":{"name":"@NAME@"},"capabilities":{"generate":true}}' ;;
    models/list) answer "$id" '{"models":[{"id":"@NAME@","capabilities":{"stream":true,"tools":false,"structuredOutput":"none","input":["text"]}}]}' ;;
    generate)
        # A mistake ends this answer, and not the plugin: hence the brackets, which make it a process of its own.
        if (generate "$id" "$line"); then answer "$id" '{"finishReason":"stop"}'; else fail "$id" -32020 "it failed: see its log"; fi ;;
    ping | shutdown) answer "$id" '{}' ;;
    *) fail "$id" -32601 "there is no such method" ;;
    esac
done
