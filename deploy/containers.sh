#!/usr/bin/env bash
# All of StringX in containers, for ./start-service.sh: docker starts it, down stops it.
#
# STRINGX_DOCKER_… variables say what differs from the usual; docs/operations.md has them.
set -euo pipefail
cd "$(dirname "$0")/.."

export STRINGX_DOCKER_IMAGE=${STRINGX_DOCKER_IMAGE:-stringx}
export STRINGX_DOCKER_SECRETS=${STRINGX_DOCKER_SECRETS:-./deploy/secrets}
project=${STRINGX_DOCKER_PROJECT:-stringx}
runners=${STRINGX_DOCKER_RUNNERS:-1}
ready_seconds=180
# What has a health check must be healthy; what has ended, as migrate has, must have ended well.
unless_well='{{if .State.Running}}{{with .State.Health}}{{if ne .Status "healthy"}}{{$.Name}} {{end}}{{end}}'
unless_well+='{{else if ne .State.ExitCode 0}}{{.Name}} {{end}}'
log=$(mktemp)
trap 'rm -f "$log"' EXIT

say() { printf '%s\n' "$*" >&2; }

give_up() {
    say "stringx: $*"
    exit 3
}

# What it says is shown only where it fails.
step() {
    local what=$1 started=$SECONDS
    shift
    if ! "$@" > "$log" 2>&1; then
        tail -n 40 "$log" >&2
        give_up "$what failed; the lines above say why"
    fi
    say "✓ $what $((SECONDS - started)) s"
}

check_docker() {
    command -v docker > /dev/null ||
        give_up "Docker isn't installed. ./start-service.sh without an argument needs none."
    if ! docker info > "$log" 2>&1; then
        tail -n 1 "$log" >&2
        give_up "Docker is installed, but its daemon doesn't answer; is it started, may you use it?"
    fi
    if docker compose version > /dev/null 2>&1; then
        compose=(docker compose)
    elif command -v docker-compose > /dev/null; then
        compose=(docker-compose)
    else
        give_up "docker compose is missing; on Debian: apt-get install docker-compose"
    fi
    compose+=(--project-name "$project" --project-directory . --file deploy/docker-compose.yml)
    [ -z "${STRINGX_DOCKER_OVERRIDE:-}" ] || compose+=(--file "$STRINGX_DOCKER_OVERRIDE")
}

build() {
    local options=()
    [ -z "${STRINGX_DOCKER_PYTHON_IMAGE:-}" ] ||
        options+=(--build-arg "PYTHON_IMAGE=$STRINGX_DOCKER_PYTHON_IMAGE")
    [ -z "${STRINGX_DOCKER_PIP_CONF:-}" ] || options+=(--secret "id=pip,src=$STRINGX_DOCKER_PIP_CONF")
    [ -z "${STRINGX_DOCKER_CA:-}" ] || options+=(--secret "id=ca,src=$STRINGX_DOCKER_CA")
    [ -z "${STRINGX_DOCKER_BUILD_NETWORK:-}" ] || options+=(--network "$STRINGX_DOCKER_BUILD_NETWORK")
    DOCKER_BUILDKIT=1 docker build "${options[@]}" --tag "$STRINGX_DOCKER_IMAGE" .
}

# Made once. The folder is closed to others; the files in it are open to the containers' own users.
make_secrets() {
    local folder=$STRINGX_DOCKER_SECRETS password
    mkdir -p "$folder/warehouses"
    chmod 700 "$folder"
    chmod 755 "$folder/warehouses"
    [ -e "$folder/database_url" ] && return
    password=$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')
    printf '%s' "$password" > "$folder/store_password"
    printf 'postgresql://stringx:%s@postgres:5432/stringx' "$password" > "$folder/database_url"
    chmod 644 "$folder/store_password" "$folder/database_url"
}

wait_until_ready() {
    local until=$((SECONDS + ready_seconds)) left
    while left=$(not_well) && [ -n "$left" ]; do
        if [ $SECONDS -gt $until ]; then
            "${compose[@]}" logs --tail=20
            echo "not well within $ready_seconds s: $left"
            return 1
        fi
        sleep 1
    done
}

not_well() {
    local container
    for container in $("${compose[@]}" ps --all --quiet); do
        docker inspect --format "$unless_well" "$container"
    done | tr -d '\n'
}

start() {
    step "Building the image $STRINGX_DOCKER_IMAGE" build
    make_secrets
    step "Clearing the old containers" "${compose[@]}" down --remove-orphans
    step "Starting the new ones" "${compose[@]}" up --detach --no-build --scale "runner=$runners"
    step "Waiting until all are well" wait_until_ready
    local here=${STRINGX_DOCKER_ADDRESS:-127.0.0.1} api portal kafka
    api=${STRINGX_DOCKER_PORT:-5001} portal=${STRINGX_DOCKER_PORTAL_PORT:-8001}
    kafka=${STRINGX_DOCKER_KAFKA_PORT:-9094}
    cat << EOF

StringX runs in containers:
  The API:            http://$here:$api        (http://$here:$api/openapi.json)
  The portal:         http://$here:$portal        (dbt's docs of every rule type)
  Kafka, from here:   127.0.0.1:$kafka             (triggers go to stringx.triggers)
  Passwords:          $STRINGX_DOCKER_SECRETS

  Give it warehouses, gates and rules:   curl -T FILE http://$here:$api/api/v1/config
  What the processes say:                ${compose[@]} logs --follow
  Stop it; what is stored stays:         ./start-service.sh down
EOF
}

check_docker
case "${1:-}" in
    docker) start ;;
    down) step "Stopping the containers" "${compose[@]}" down --remove-orphans ;;
    *) give_up "what is wanted, docker or down?" ;;
esac
