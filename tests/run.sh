#!/usr/bin/env bash
# The one test command.
#
#   tests/run.sh                  everything, in order of cost; stops at the first section that fails
#   tests/run.sh clippy clients   only these sections: fmt proto clippy build tests doctests docs clients deny
#
# Needs Rust, a C compiler, Node and Python 3.10 on a Debian-like Linux. What else is missing is installed:
# PostgreSQL and Redis by apt-get (as root; otherwise it says what to install), the rest under target/tools.
# It starts no system service, reads nothing from its input, and needs the network for what is missing only.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec </dev/null

# Pinned: a new release of a tool must not break an old commit.
readonly BUF=1.75.0
readonly NEXTEST=0.9.143

CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}
readonly TOOLS=$CARGO_TARGET_DIR/tools
readonly CLIENTS=tests/clients/python
PATH=$TOOLS/bin:$PATH
# Settings of whoever runs this must not decide how the tests end.
for name in $(compgen -e); do
    case $name in
        TALLY_TEST_DATABASE_URL) ;;
        TALLY_* | OTEL_*) unset "$name" ;;
    esac
done
export CARGO_TARGET_DIR PATH PYTHONDONTWRITEBYTECODE=1
scratch=$(mktemp -d "${TMPDIR:-/tmp}/tally-tests-XXXXXX")
readonly scratch

# --- how it tells ---------------------------------------------------------------------------------

section=start hint='' began=0 passed=0 failed=0 postgres=''

# run <section> <what to do when it fails> <command…>
run() {
    if [[ -n $wanted && $1 != tools && " $wanted " != *" $1 "* ]]; then
        return
    fi
    section=$1 hint=$2 began=$SECONDS
    shift 2
    printf '\n=== %s\n' "$section"
    "$@"
    printf '=== %s: ok, %d s\n' "$section" $((SECONDS - began))
}

stop() {
    printf '\n%s\n' "$@" >&2
    exit 1
}

# counted <command…>: shows what it prints, and adds up what its summaries say.
counted() {
    local log=$scratch/log status=0 summary
    "$@" 2>&1 | tee "$log" || status=$?
    summary=$(grep -aE '^ *Summary \[|^test result: |^=+ .* in [0-9.]+s' "$log" || true)
    passed=$((passed + $(add_up passed "$summary")))
    failed=$((failed + $(add_up 'failed|timed out|errors?' "$summary")))
    return "$status"
}

add_up() {
    { grep -oE "[0-9]+ ($1)" <<<"$2" || true; } | awk '{ sum += $1 } END { print sum + 0 }'
}

finish() {
    local status=$?
    trap - EXIT
    if [[ -n $postgres ]]; then
        # Only the server that this run started. INT ends it without waiting for its clients.
        kill -INT "$postgres" 2>/dev/null || true
        wait "$postgres" 2>/dev/null || true
    fi
    rm -rf "$scratch"
    if ((status != 0)); then
        printf '\n=== %s: FAILED after %d s\n%s\n' "$section" $((SECONDS - began)) "$hint" >&2
        printf 'Only this section again: tests/run.sh %s\n' "$section" >&2
    fi
    if ((passed + failed > 0)); then
        printf '%d passed, %d failed\n' "$passed" "$failed"
    fi
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# --- tools ----------------------------------------------------------------------------------------

has() { command -v "$1" >/dev/null; }

# The newest server's program; Debian keeps them out of PATH.
postgres_program() {
    command -v "$1" || find /usr/lib/postgresql/*/bin -name "$1" 2>/dev/null | sort -V | tail -n 1 | grep .
}

apt_install() {
    local policy=/usr/sbin/policy-rc.d made=''
    if ! has apt-get || ((EUID != 0)); then
        stop "Missing, and only root may install it. On Debian or Ubuntu:" "  sudo apt-get install -y $*"
    fi
    echo "installing: $*"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq || stop "apt-get update failed: is there a network?"
    if [[ ! -e $policy ]]; then
        # Debian starts what it installs, unless this says no.
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod +x "$policy"
        made=$policy
    fi
    if ! apt-get install -y -qq --no-install-recommends "$@" >"$scratch/apt" 2>&1; then
        cat "$scratch/apt"
        [[ -z $made ]] || rm -f "$made"
        stop "apt-get could not install: $*"
    fi
    [[ -z $made ]] || rm -f "$made"
}

tools() {
    has cargo || stop "Rust is missing: https://rustup.rs, then again."
    has cc || stop "A C compiler is missing: SQLite and ring are compiled. apt-get install -y gcc libc6-dev"
    has npx || stop "Node is missing: buf, the linter of the contract, comes from npm. apt-get install -y npm"
    has python3 || stop "Python is missing. apt-get install -y python3 python3-venv"
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' || stop "Python 3.10 or later is needed: $(python3 -V)"
    cargo fmt --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1 \
        || rustup component add rustfmt clippy \
        || stop "rustfmt or clippy is missing: rustup component add rustfmt clippy"
    local missing=()
    { postgres_program initdb && postgres_program postgres; } >/dev/null || missing+=(postgresql)
    has redis-server || missing+=(redis-server)
    has setpriv && has flock || missing+=(util-linux)
    python3 -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)
    ((${#missing[@]} == 0)) || apt_install "${missing[@]}"

    install_nextest
    npx --yes "@bufbuild/buf@$BUF" --version >/dev/null 2>"$scratch/npm" \
        || { cat "$scratch/npm"; stop "npm could not bring @bufbuild/buf $BUF: is there a network?"; }
    install_clients
    cargo --version
    "$(postgres_program postgres)" --version
    redis-server --version | cut -d' ' -f1-3
    echo "buf $BUF, $(python3 -V), Node $(node --version)"
}

install_nextest() {
    ! cargo nextest --version >/dev/null 2>&1 || return 0
    echo "installing cargo-nextest $NEXTEST under ${TOOLS#"$PWD"/} (some minutes, once)"
    # Unoptimised: it compiles in a third of the time, and what it runs is not itself.
    env -u CARGO_TARGET_DIR cargo install --quiet --locked --debug --root "$TOOLS" "cargo-nextest@$NEXTEST" \
        || stop "cargo-nextest could not be installed. cargo test is no stand-in: some tests set what a process has once."
}

# The venv is made again when what it should contain has changed.
install_clients() {
    local venv=$TOOLS/python contents
    contents=$(cat "$CLIENTS/requirements.txt"; python3 -V)
    [[ $contents != "$(cat "$venv/contents" 2>/dev/null)" ]] || return 0
    echo "installing the Python client's packages under ${venv#"$PWD"/}"
    python3 -m venv --clear "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary :all: \
        -r "$CLIENTS/requirements.txt" \
        || stop "pip could not bring what $CLIENTS/requirements.txt names: is there a network?"
    printf '%s' "$contents" >"$venv/contents"
}

# --- sections -------------------------------------------------------------------------------------

# One server for all tests: they make databases of their own in it. TALLY_TEST_DATABASE_URL names
# another one, whose role may create databases.
start_postgres() {
    [[ -z ${TALLY_TEST_DATABASE_URL-} ]] || return 0
    local home=$scratch/postgres as=() port
    mkdir "$home"
    if ((EUID == 0)); then
        # PostgreSQL refuses to run as root.
        local user=postgres
        id -u "$user" >/dev/null 2>&1 || user=nobody
        as=(setpriv "--reuid=$user" "--regid=$(id -g "$user")" --clear-groups --)
        chown "$user" "$home"
        chmod 711 "$scratch"
    fi
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    (cd "$home" && "${as[@]}" "$(postgres_program initdb)" --auth=trust --username=tally --encoding=UTF8 \
        --locale=C --no-sync --no-instructions --pgdata="$home/data") >"$scratch/initdb" 2>&1 \
        || { cat "$scratch/initdb"; stop "PostgreSQL's initdb failed."; }
    # Durable as in production: services refuse a server that is set up to forget.
    (cd "$home" && exec "${as[@]}" "$(postgres_program postgres)" -D "$home/data" -p "$port" \
        -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=300 \
        -c shared_buffers=64MB) >"$scratch/postgres.log" 2>&1 &
    postgres=$!
    for _ in {1..300}; do
        ! "$(postgres_program pg_isready)" -q -h 127.0.0.1 -p "$port" || break
        kill -0 "$postgres" 2>/dev/null || break
        sleep 0.1
    done
    "$(postgres_program pg_isready)" -q -h 127.0.0.1 -p "$port" \
        || { tail -n 20 "$scratch/postgres.log"; stop "PostgreSQL does not answer."; }
    export TALLY_TEST_DATABASE_URL=postgres://tally@127.0.0.1:$port/postgres
}

tests() {
    start_postgres
    counted cargo nextest run --workspace --profile ci
}

clients() {
    counted "$TOOLS/python/bin/python" -m pytest "$CLIENTS"
}

deny() {
    if ! cargo deny --version >/dev/null 2>&1; then
        echo "left out: cargo-deny is not installed, and compiling it takes minutes. To have it checked:"
        echo "  cargo install cargo-deny --locked --debug"
        return
    fi
    cargo deny check bans licenses sources
    if timeout 60 cargo deny fetch db >/dev/null 2>&1; then
        cargo deny check --disable-fetch advisories
    else
        echo "left out: advisories. Their database, https://github.com/rustsec/advisory-db, cannot be reached."
    fi
}

# All of it is read before any of it runs: whoever edits this file meanwhile harms nothing.
main() {
    readonly wanted=$*
    # What the tests start when they need the whole suite as a process.
    export TALLY_BIN=$CARGO_TARGET_DIR/debug/tally

    run tools "Install what is named above." tools
    run fmt "Format it: cargo fmt --all" cargo fmt --all --check
    run proto "Each line above names a file of the contract and the rule it breaks (buf.yaml)." \
        npx --yes "@bufbuild/buf@$BUF" lint
    run clippy "Fix the code; where the lint is wrong, say so: #[expect(clippy::…, reason = \"…\")]" \
        cargo clippy --workspace --all-targets -- -D warnings
    run build "It must compile." cargo build --workspace --all-targets
    run tests "One test again: cargo nextest run <part of its name>" tests
    run doctests "An example in a comment is wrong." counted cargo test --workspace --doc --quiet
    run docs "Fix the comments that rustdoc names." \
        env RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps
    run clients "See $CLIENTS/../README.md for running one of them." clients
    run deny "Each finding names the rule of .cargo/deny.toml it breaks." deny
    printf '\nPassed in %d min %d s.\n' $((SECONDS / 60)) $((SECONDS % 60))
    exit
}

main "$@"
