#!/usr/bin/env bash
# Puts the data view and the saved search into Kibana; safe to repeat.
set -euo pipefail
elastic=$(cat /secrets/elasticsearch/elastic)
answer=$(curl -sS -u "elastic:$elastic" -H 'kbn-xsrf: true' -F file=@/deploy/sightline.ndjson \
  "$KIBANA_URL/api/saved_objects/_import?overwrite=true")
if [[ $answer != *'"success":true'* ]]; then
  echo "Kibana refused the saved objects: $answer" >&2
  exit 1
fi
echo 'Kibana has the data view and the saved search'
