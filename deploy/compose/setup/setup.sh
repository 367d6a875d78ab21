#!/usr/bin/env bash
# Users with the least that each needs, API keys, templates, retention; then .env.sightline for services of this machine.
# Safe to repeat: what is there is written again or kept.
set -euo pipefail

elastic=$(cat /secrets/elasticsearch/elastic)

# call METHOD PATH [BODY]: prints the answer; a status that is no success ends the set-up with the answer.
call() {
  local method=$1 path=$2 body=${3:-} answer status
  answer=$(curl -sS -w '\n%{http_code}' -u "elastic:$elastic" -X "$method" "$ES_URL$path" \
    ${body:+-H 'content-type: application/json' --data "$body"})
  status=${answer##*$'\n'}
  answer=${answer%$'\n'*}
  if [[ $status != 2* ]]; then
    echo "set-up: $method $path answered $status: $answer" >&2
    return 1
  fi
  printf '%s' "$answer"
}

echo 'set-up: passwords and roles'
call POST /_security/user/kibana_system/_password "{\"password\":\"$(cat /secrets/kibana/password)\"}" > /dev/null
call PUT /_security/role/sightline_reader '{
  "cluster": ["monitor"],
  "indices": [{ "names": ["logs-*-*"], "privileges": ["read", "view_index_metadata", "monitor"] }]
}' > /dev/null
call PUT /_security/role/sightline_zipkin '{
  "cluster": ["monitor", "manage_index_templates"],
  "indices": [{ "names": ["zipkin*"], "privileges": ["all"] }]
}' > /dev/null
call PUT /_security/user/sightline_reader \
  "{\"password\":\"$(cat /secrets/grafana/reader)\",\"roles\":[\"sightline_reader\"]}" > /dev/null
call PUT /_security/user/sightline_zipkin \
  "{\"password\":\"$(cat /secrets/zipkin/password)\",\"roles\":[\"sightline_zipkin\"]}" > /dev/null

echo 'set-up: retention'
# Elasticsearch brings a template for logs-*-* with ECS mappings and a failure store; logs@custom is its place for ours.
filled() { sed "s/\"@RETENTION@\"/\"$RETENTION\"/" "$1"; }
if [[ $LIFECYCLE == ilm ]]; then
  call PUT /_ilm/policy/sightline-logs "$(filled /templates/ilm-policy.json)" > /dev/null
  call PUT '/_component_template/logs@custom' "$(filled /templates/logs@custom-ilm.json)" > /dev/null
else
  call PUT '/_component_template/logs@custom' "$(filled /templates/logs@custom.json)" > /dev/null
fi

# key NAME DIRECTORY UID: an API key that may add log lines and nothing else, made once.
key() {
  local directory="/secrets/$2"
  if [[ -s $directory/api_key ]]; then return; fi
  mkdir -p "$directory"
  local answer id secret
  answer=$(call POST /_security/api_key "{
    \"name\": \"$1\",
    \"role_descriptors\": {
      \"writer\": {
        \"cluster\": [\"monitor\"],
        \"indices\": [{ \"names\": [\"logs-*-*\"], \"privileges\": [\"auto_configure\", \"create_doc\"] }]
      }
    }
  }")
  id=$(sed -E 's/.*"id":"([^"]+)".*/\1/' <<< "$answer")
  secret=$(sed -E 's/.*"api_key":"([^"]+)".*/\1/' <<< "$answer")
  (umask 077 && printf '%s:%s' "$id" "$secret" > "$directory/api_key")
  chown -R "$3" "$directory"
  chmod 0700 "$directory"
}

echo 'set-up: API keys'
key sightline-services services 0
key sightline-logstash logstash 1000

# Sightline takes the encoded form, Logstash the plain one.
services=$(base64 -w0 < /secrets/services/api_key)
cat > /out/.env.sightline.new <<ENV
# Written by the set-up of docker-compose.yml. For a service on this machine:
#   node --env-file=.env.sightline --import sightline/register app.js
SIGHTLINE_ELASTICSEARCH_URL=http://127.0.0.1:$ELASTICSEARCH_PORT
SIGHTLINE_ELASTICSEARCH_API_KEY=$services
OTEL_EXPORTER_ZIPKIN_ENDPOINT=http://127.0.0.1:$ZIPKIN_PORT/api/v2/spans
SIGHTLINE_STATSD_URL=udp://127.0.0.1:$STATSD_PORT
# For people, not read by Sightline:
#   Grafana       http://127.0.0.1:$GRAFANA_PORT   admin / $(cat /secrets/grafana/admin)
#   Kibana        http://127.0.0.1:$KIBANA_PORT   elastic / $elastic
#   Zipkin        http://127.0.0.1:$ZIPKIN_PORT
ENV
# Of the user whose checkout it is, and readable by nobody else.
chown "$(stat -c %u:%g /out)" /out/.env.sightline.new
chmod 0600 /out/.env.sightline.new
mv /out/.env.sightline.new /out/.env.sightline
echo 'set-up: done; .env.sightline is written'
