#!/bin/sh
# Makes a password for each part that needs one, once, readable by the user that its program runs as.
set -eu
umask 077

# make DIRECTORY NAME UID
make() {
  mkdir -p "/secrets/$1"
  file="/secrets/$1/$2"
  if [ ! -s "$file" ]; then
    head -c 24 /dev/urandom | base64 | tr -d '\n' | tr '+/' '-_' > "$file.new"
    mv "$file.new" "$file"
    echo "made $1/$2"
  fi
  chown -R "$3" "/secrets/$1"
  chmod 0700 "/secrets/$1"
  # Elasticsearch refuses a password file that others may read.
  chmod 0400 "$file"
}

chmod 0755 /secrets
make elasticsearch elastic 1000
make kibana password 1000
make zipkin password 1000
make grafana admin 472
make grafana reader 472
