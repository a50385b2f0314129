#!/bin/sh
# /// llm-plugin
# protocol = 1
# ///
# Answers from a shell, by sed alone.
while read -r line; do
  id=$(printf '%s' "$line" | sed -n 's/.*"id":\([0-9]*\).*/\1/p')
  case $line in
  *'"method":"initialize"'*) result='"protocolVersion":1,"capabilities":{"generate":true}' ;;
  *'"method":"models/list"'*) result='"models":[{"id":"shell","capabilities":{"input":["text"],"stream":true}}]' ;;
  *'"method":"generate"'*)
    for word in 'from ' 'a ' 'shell'; do
      echo '{"jsonrpc":"2.0","method":"generate/event","params":{"request":'"$id"',"events":[{"type":"text","text":"'"$word"'"}]}}'
    done
    result='"finishReason":"stop","usage":{"inputTokens":2,"outputTokens":3}'
    ;;
  *'"id"'*)
    echo '{"jsonrpc":"2.0","id":'"$id"',"error":{"code":-32601,"message":"unknown"}}'
    continue
    ;;
  *) continue ;;
  esac
  echo '{"jsonrpc":"2.0","id":'"$id"',"result":{'"$result"'}}'
done
