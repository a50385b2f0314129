#!/bin/sh
# A plugin in POSIX shell: the protocol by sed. It says back what it was told, word by word.
#
# Good for gluing a command line tool to Consort. What sed cannot do: it finds fields by their names and does not
# know JSON, so that it takes the last `"text"` of the last message for the prompt. While it answers it does not
# read, so that a cancel is seen after the answer.
#
# Copy it into a plugin folder. The block below is its manifest; Consort reads it without running the file.
#
# /// llm-plugin
# protocol = 1
# run = ["/bin/sh", "{file}"]
# name = "Echo (shell)"
# ///

# stdout belongs to the protocol: it is moved to descriptor 3, and what commands print lands in the plugin's log.
exec 3>&1 1>&2

send() { printf '{"jsonrpc":"2.0",%s}\n' "$1" >&3; }
answer() { send "\"id\":$1,\"result\":$2"; }
refuse() { send "\"id\":$1,\"error\":{\"code\":$2,\"message\":\"$3\",\"data\":{\"kind\":\"$4\"}}"; }

generate() {
    id=$1 line=$2
    case $line in
    *'"model":"echo-sh"'*) ;;
    *) refuse "$id" -32020 "there is no such model" model_not_found; return ;;
    esac
    # The text stays as it stands in JSON, escapes and all: it is written into JSON again. `\\.` is one escape.
    text=$(printf '%s\n' "$line" | sed -n 's/.*"text":"\(\([^"\\]\|\\.\)*\)".*/\1/p')
    # awk splits it into words, a line each, so that each is sent as soon as it is there.
    printf '%s\n' "$text" | awk '{ for (i = 1; i <= NF; i++) print $i }' | while read -r word; do
        event="{\"type\":\"text\",\"text\":\"$word \"}"
        send "\"method\":\"generate/event\",\"params\":{\"request\":$id,\"events\":[$event]}"
    done
    answer "$id" '{"finishReason":"stop"}'
}

# `read -r` keeps backslashes; IFS= keeps blanks.
while IFS= read -r line; do
    # Consort writes the id before anything else, as a number.
    id=$(printf '%s\n' "$line" | sed -n 's/^{"jsonrpc":"2.0","id":\([0-9][0-9]*\),.*/\1/p')
    method=$(printf '%s\n' "$line" | sed -n 's/^[^[]*"method":"\([a-z/]*\)".*/\1/p')
    # A notification has no id and gets no answer.
    [ -n "$id" ] || continue
    case $method in
    initialize)
        answer "$id" '{"protocolVersion":1,"plugin":{"name":"Echo (shell)"},"capabilities":{"generate":true}}' ;;
    models/list)
        answer "$id" '{"models":[{"id":"echo-sh","name":"Echo (shell)","capabilities":{"stream":true,"tools":false,"input":["text"]}}]}' ;;
    generate) generate "$id" "$line" ;;
    ping | shutdown) answer "$id" '{}' ;;
    *) refuse "$id" -32601 "there is no such method" unsupported ;;
    esac
done
# The end of stdin means that the host is gone.
