#!/usr/bin/env bash
# Installs the real backends, further Node versions and npm programs that tests run against, from package registries
# alone, each at one version, below ${SIGHTLINE_BACKENDS:-/var/tmp/sightline-backends}. What is there already is left
# as it is. No Docker, no service manager; nothing is started.
#
#   install.sh          everything
#   install.sh NAME…    only these: zipkin elasticsearch opensearch statsd_exporter promtool prometheus telegraf influxd graphite
#                       compose node npm chromium
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
target=${SIGHTLINE_BACKENDS:-/var/tmp/sightline-backends}
mkdir -p "$target/bin" "$target/npm"
target=$(cd "$target" && pwd)

# Where Go's own installer puts it, for shells whose profile was not read.
PATH=$PATH:/usr/local/go/bin

ZIPKIN=3.6.1
ELASTICSEARCH=8.19.21
ELASTICSEARCH_SHA256=215d5f3dbf0609a149f6218a9e47b6ae2df34ebbff3c5754e35f15a5e5393c8a
OPENSEARCH=2.19.6
OPENSEARCH_SHA256=71d6d8b1c637f3faecda0752b184b1cc526fc6eaad59ec1408c6327bb00b9293
STATSD_EXPORTER=0.31.0
# Prometheus 3.16.0 is v0.316.0 of its Go module.
PROMETHEUS=3.16.0
PROMETHEUS_MODULE=v0.316.0
TELEGRAF=1.37.2
# The last of 1.x that Go alone compiles: later ones need a library in Rust.
INFLUXDB=1.8.3
# Carbon and Whisper, the parts of Graphite that take and keep; with everything they need, in python-graphite.txt.
GRAPHITE=1.1.10
# Oldest observed, newest, and three that are too old to be observed. The repository's own comes with `npm ci`.
NODES="22.16.0 26.10.0 20.19.5 18.20.8 16.20.2"

failed=()
say() { printf '%s\n' "$*"; }
have() { command -v "$1" >/dev/null 2>&1; }

# step NAME FUNCTION: says what happens and how long it took; a failure does not stop the others.
step() {
  local name=$1 start=$SECONDS status; shift
  say "$name: …"
  # Not as a condition: bash would ignore `set -e` in all of it.
  set +e; ( set -e; "$@" ); status=$?; set -e
  if [ $status = 0 ]; then say "$name: ready after $((SECONDS - start)) s"; else say "$name: FAILED"; failed+=("$name"); fi
}

# need COMMAND PACKAGE: a command, installed from the system's packages when we may.
need() {
  have "$1" && return
  if [ "$(id -u)" = 0 ] && have apt-get; then
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$2" >/dev/null
  fi
  have "$1" || { say "  $1 is missing; install it (Debian: apt-get install $2) and run this again" >&2; return 1; }
}

maven_copy() { # ARTEFACT DIRECTORY
  need mvn maven
  mvn -B -q org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy -Dartifact="$1" -DoutputDirectory="$2"
}

scratch=$(mktemp -d)
trap 'chmod -R u+w "$scratch" 2>/dev/null || true; rm -rf "$scratch"' EXIT
# Staging lies beside the target, so that the last step is a rename: never half an installation.
staging() { mktemp -d "$target/.staging-XXXXXX"; }

install_zipkin() {
  local jar=zipkin-server-$ZIPKIN-exec.jar stage
  [ -f "$target/zipkin-$ZIPKIN/$jar" ] && return
  need java openjdk-17-jre-headless
  stage=$(staging)
  maven_copy "io.zipkin:zipkin-server:$ZIPKIN:jar:exec" "$stage"
  chmod 755 "$stage"; rm -rf "$target/zipkin-$ZIPKIN"; mv "$stage" "$target/zipkin-$ZIPKIN"
}

# The integration-test distribution: the unmodified core, without machine learning, ILM and painless.
install_elasticsearch() {
  local name=elasticsearch-$ELASTICSEARCH stage
  [ -x "$target/$name/$name/bin/elasticsearch" ] && return
  need java openjdk-17-jre-headless; need unzip unzip
  stage=$(staging)
  maven_copy "org.elasticsearch.distribution.integ-test-zip:elasticsearch:$ELASTICSEARCH:zip" "$stage"
  echo "$ELASTICSEARCH_SHA256  $stage/$name.zip" | sha256sum -c --quiet
  unzip -q "$stage/$name.zip" -d "$stage"; rm "$stage/$name.zip"
  # A collector and compiler that start quickly; no log of the collector into the installation.
  sed -i -e '/gc\.log/d' -e '/UseG1GC/d' "$stage/$name/config/jvm.options"
  printf '%s\n' -XX:+UseSerialGC -XX:TieredStopAtLevel=1 >"$stage/$name/config/jvm.options.d/test.options"
  # It runs as another user, because it refuses root.
  chmod -R a+rX "$stage"; rm -rf "${target:?}/$name"; mv "$stage" "$target/$name"
}

# The last line that runs on Java 17; of its modules those that an index of documents needs.
install_opensearch() {
  local name=opensearch-$OPENSEARCH stage module
  [ -x "$target/$name/$name/bin/opensearch" ] && return
  need java openjdk-17-jre-headless; need unzip unzip
  stage=$(staging)
  maven_copy "org.opensearch.distribution.integ-test-zip:opensearch:$OPENSEARCH:zip" "$stage"
  echo "$OPENSEARCH_SHA256  $stage/$name.zip" | sha256sum -c --quiet
  unzip -q "$stage/$name.zip" -d "$stage"; rm "$stage/$name.zip"
  for module in "$stage/$name"/modules/*; do
    case ${module##*/} in transport-netty4 | mapper-extras | ingest-common | reindex | aggs-matrix-stats) ;; *) rm -rf "$module" ;; esac
  done
  sed -i -e '/gc\.log/d' -e '/^-Xm[sx]/d' -e '/^11-:-XX:/d' -e '/jdk.incubator.vector/d' "$stage/$name/config/jvm.options"
  printf '%s\n' -XX:+UseSerialGC -XX:TieredStopAtLevel=1 >"$stage/$name/config/jvm.options.d/test.options"
  chmod -R a+rX "$stage"; rm -rf "${target:?}/$name"; mv "$stage" "$target/$name"
}

go_install() { # NAME VERSION PACKAGE@VERSION [FLAG…]
  local name=$1 version=$2 package=$3; shift 3
  case $("$target/bin/$name" --version 2>&1 || true) in *"version $version "*) return ;; esac
  [ -x "$target/bin/$name" ] && [ -e "$target/bin/.$name-$version" ] && return
  have go || { say "  go is missing; install Go 1.26 or newer and run this again" >&2; return 1; }
  say "  compiling $package (minutes, the first time)"
  GOBIN=$scratch CGO_ENABLED=0 GOTOOLCHAIN=local GOWORK=off go install -buildvcs=false -trimpath \
    -ldflags "-s -w -X github.com/prometheus/common/version.Version=$version" "$@" "$package"
  mv "$scratch/$name" "$target/bin/$name"
  touch "$target/bin/.$name-$version"
}

install_statsd_exporter() { go_install statsd_exporter $STATSD_EXPORTER "github.com/prometheus/statsd_exporter@v$STATSD_EXPORTER"; }
# remove_all_sd: without the discoveries of clouds; file, http and static discovery stay.
install_promtool() { go_install promtool $PROMETHEUS "github.com/prometheus/prometheus/cmd/promtool@$PROMETHEUS_MODULE" -tags remove_all_sd; }
install_prometheus() { go_install prometheus $PROMETHEUS "github.com/prometheus/prometheus/cmd/prometheus@$PROMETHEUS_MODULE" -tags remove_all_sd; }

# With the plug-ins that tests use, out of some three hundred.
install_telegraf() {
  go_install telegraf $TELEGRAF "github.com/influxdata/telegraf/cmd/telegraf@v$TELEGRAF" \
    -tags custom,inputs.statsd,outputs.influxdb,outputs.health,serializers.influx
}
install_influxd() { go_install influxd $INFLUXDB "github.com/influxdata/influxdb/cmd/influxd@v$INFLUXDB"; }

# What reads the files of deploy/compose; no engine is started.
install_compose() { need docker-compose docker-compose; need amtool prometheus-alertmanager; }

install_graphite() {
  local folder=$target/graphite-$GRAPHITE
  cmp -s "$here/python-graphite.txt" "$folder/.packages" && return
  need python3 python3
  # Carbon's set-up does not run on Python 3.12 and newer.
  local python= candidate
  for candidate in python3 /usr/bin/python3 python3.11 python3.10 python3.9; do
    if have "$candidate" && "$candidate" -c 'import sys; sys.exit(sys.version_info >= (3, 12))' 2>/dev/null; then python=$candidate; break; fi
  done
  [ -n "$python" ] || { say "  Carbon needs Python 3.11 or older; install one (python3.11) and run this again" >&2; return 1; }
  # Debian has the part that makes virtual environments in a package of its own.
  if ! "$python" -c 'import ensurepip' 2>/dev/null && [ "$(id -u)" = 0 ] && have apt-get; then
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-venv >/dev/null
  fi
  rm -rf "$folder"
  # Not by staging: scripts of a virtual environment know the place they were made in.
  "$python" -m venv "$folder"
  # Carbon's own set-up wants to install into /opt/graphite unless told not to.
  GRAPHITE_NO_PREFIX=True "$folder/bin/pip" install --quiet --disable-pip-version-check --no-input -r "$here/python-graphite.txt"
  chmod -R a+rX "$folder"; cp "$here/python-graphite.txt" "$folder/.packages"
}

install_node() { # VERSION
  local version=$1 stage platform
  [ -x "$target/node-$version/bin/node" ] && return
  need npm npm
  platform=$(node -p 'process.platform + "-" + process.arch')
  stage=$(staging)
  ( cd "$stage" && npm pack --silent "node-$platform@$version" >/dev/null && tar -xzf ./*.tgz )
  mkdir -p "$stage/node/bin"; mv "$stage/package/bin/node" "$stage/node/bin/node"; chmod -R a+rX "$stage/node"
  rm -rf "$target/node-$version"; mv "$stage/node" "$target/node-$version"; rm -rf "$stage"
}

install_npm() { # FOLDER PACKAGE…
  local folder=$1 stage; shift
  [ "$(cat "$target/npm/$folder/.packages" 2>/dev/null)" = "$*" ] && return
  need npm npm
  stage=$(staging)
  echo '{ "private": true }' >"$stage/package.json"
  ( cd "$stage" && npm install --silent --no-audit --no-fund --ignore-scripts --save-exact "$@" >/dev/null )
  echo "$*" >"$stage/.packages"
  chmod 755 "$stage"; rm -rf "${target:?}/npm/$folder"; mv "$stage" "$target/npm/$folder"
}

install_chromium() {
  if have chromium || have chromium-browser || have google-chrome; then return; fi
  [ "$(id -u)" = 0 ] && have apt-get || { say "  no Chromium; install one (Debian: apt-get install chromium)" >&2; return 1; }
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null
}

install_redis() {
  if have redis-server; then return; fi
  # The level keeps the package from starting a server of its own.
  RUNLEVEL=1 need redis-server redis-server
}

wanted=" ${*:-zipkin elasticsearch opensearch node npm chromium statsd_exporter promtool prometheus telegraf influxd graphite compose redis} "
say "backends: into $target"
case $wanted in *' zipkin '*) step "Zipkin $ZIPKIN" install_zipkin ;; esac
case $wanted in *' elasticsearch '*) step "Elasticsearch $ELASTICSEARCH" install_elasticsearch ;; esac
case $wanted in *' opensearch '*) step "OpenSearch $OPENSEARCH" install_opensearch ;; esac
case $wanted in *' node '*) for version in $NODES; do step "Node $version" install_node "$version"; done ;; esac
case $wanted in *' npm '*)
  while read -r folder packages; do
    case $folder in ''|'#'*) continue ;; esac
    # Word splitting is what makes the list of packages.
    # shellcheck disable=SC2086
    step "npm $folder" install_npm "$folder" $packages
  done <"$here/npm-fixtures.txt" ;;
esac
case $wanted in *' chromium '*) step Chromium install_chromium ;; esac
case $wanted in *' statsd_exporter '*) step "statsd_exporter $STATSD_EXPORTER" install_statsd_exporter ;; esac
case $wanted in *' promtool '*) step "promtool $PROMETHEUS" install_promtool ;; esac
case $wanted in *' telegraf '*) step "Telegraf $TELEGRAF" install_telegraf ;; esac
case $wanted in *' influxd '*) step "InfluxDB $INFLUXDB" install_influxd ;; esac
case $wanted in *' graphite '*) step "Graphite $GRAPHITE" install_graphite ;; esac
case $wanted in *' compose '*) step 'docker-compose and amtool' install_compose ;; esac
case $wanted in *' redis '*) step Redis install_redis ;; esac
case $wanted in *' prometheus '*) step "Prometheus $PROMETHEUS" install_prometheus ;; esac

[ ${#failed[@]} -eq 0 ] || { say "backends: not installed: ${failed[*]}"; exit 1; }
say "backends: all there"
