#!/bin/sh
# What evcxr and rust-analyzer run as cargo: `SCRIPT ARGUMENTS`, mostly in the folder of the crate that cells are compiled as.
#
# cargo works out for each cell what it has worked out for the one before: how to call the compiler. While dependencies, settings and
# environment are the same, the compiler is called in the same way. And what rust-analyzer asks about the toolchain and the settings has
# one answer in a kernel, however often it begins anew.
#
# The kernel's environment leads here. What is started from here sees the environment as it was.

newline='
'
script=$0
folder=${script%/*}
PATH=${PATH#"$folder":}
if [ "${PIPULATE_KERNEL_CARGO_HOME+set}" ]; then
    CARGO_HOME=$PIPULATE_KERNEL_CARGO_HOME
    export CARGO_HOME
    unset PIPULATE_KERNEL_CARGO_HOME
else
    unset CARGO_HOME
fi
case $RUST_SRC_PATH in "${folder%/*}"/*) unset RUST_SRC_PATH ;; esac
cargo=cargo
if [ -f "$script-itself" ]; then IFS= read -r cargo < "$script-itself"; fi

# Answers from what is kept, or keeps the answer, as soon as it is whole, below what was asked.
answer() {
    kept=$folder/.answer-$1
    shift
    asked="$PWD $RUSTC_BOOTSTRAP $cargo $*"
    case $asked in *"$newline"*) exec "$cargo" "$@" ;; esac
    if [ -f "$kept" ]; then
        {
            IFS= read -r known
            [ "$known" != "$asked" ] || exec cat
        } < "$kept"
    fi
    new=$kept-$$
    { printf '%s\n' "$asked" && "$cargo" "$@"; } > "$new" || { status=$?; sed 1d "$new"; rm -f "$new"; exit "$status"; }
    mv "$new" "$kept"
    { IFS= read -r known; exec cat; } < "$kept"
}

# All that makes a difference to how the compiler is called, but for the lock file and the user's settings.
question() {
    manifest=
    while IFS= read -r line; do manifest="$manifest$line$newline"; done < Cargo.toml
    level=
    if [ -f .cell-level ]; then IFS= read -r level < .cell-level; fi
    # Whether cargo asks about the compiler again makes none.
    question="$*$newline$level$newline$manifest$(unset CARGO_CACHE_RUSTC_INFO; export -p)$newline"
}

# Whether a plan is older than what may have changed without being asked for.
is_old() {
    settings=${CARGO_HOME:-$HOME/.cargo}/config
    for file in Cargo.lock "$settings" "$settings.toml"; do
        if [ "$file" -nt .cell-plan ]; then return 0; fi
    done
    return 1
}

# Whether all dependencies are such as do not change: those in another folder of the user's may.
are_fixed() {
    while IFS= read -r line; do
        case $line in
            'pipulate = { path = "'*/cell-library/*) ;;
            *[!a-z]path*) return 1 ;;
        esac
    done < Cargo.toml
}

# Calls the compiler as it was called for the cell before. Returns where that is not how it is called for this one, or where what comes
# of it is for cargo to tell.
follow_plan() {
    if ! [ -f .cell-plan ] || is_old; then return; fi
    . ./.cell-plan
    if [ "$planned" != "$question" ]; then return; fi
    if (follow) < /dev/null 2> .cell-messages; then
        printf '%s' "$made" > "$EVCXR_EXECUTION_SO_PATH"
        exit 0
    fi
    # As from cargo: without colours, of which a backslash that the user wrote is no part.
    kept_backslash=$(printf '\001')
    messages=$(sed -n "/^{/{s/\\\\\\\\/$kept_backslash/g;s/\\\\u001b\\[[0-9;]*m//g;s/$kept_backslash/\\\\\\\\/g;p;}" .cell-messages)
    case $messages in
        *'"level":"error"'*)
            printf '%s\n' "$messages"
            exit 101
            ;;
    esac
}

# Gives back the versions in use. To see whether a dependency can be had, evcxr resolves it alone in the same folder, and leaves a lock
# file of that alone.
restore_lock() {
    if [ -f .kept-lock ] && ! [ .kept-lock -nt Cargo.lock ] && grep -qs evcxr_dummy_validate_dep Cargo.lock; then
        cp .kept-lock Cargo.lock
    fi
}

# Lets cargo build, and keeps how it called the compiler in the end.
build() {
    rm -f .cell-plan .cell-call
    restore_lock
    "$cargo" "$@"
    status=$?
    if [ "$status" -eq 0 ] && [ -f .cell-call ] && are_fixed; then
        {
            printf "planned='"
            printf '%s' "$question" | sed "s/'/'\\\\''/g"
            printf "'\n"
            cat .cell-call
        } > .new-plan && mv .new-plan .cell-plan
    fi
    exit "$status"
}

case " $* " in
    *' build '*)
        # Another wrapper has a say in what is compiled.
        if [ "$EVCXR_EXECUTION_SO_PATH" ] && ! [ "$RUSTC_WRAPPER$CARGO_BUILD_RUSTC_WRAPPER" ]; then
            question "$@"
            follow_plan
            build "$@"
        fi
        ;;
esac
case $* in
    --version) answer version "$@" ;;
    'locate-project --workspace '*) answer place "$@" ;;
    *' config get '*) answer settings "$@" ;;
    'rustc '*' --print cfg '*) answer cfg "$@" ;;
    'rustc '*' --print target-spec-json '*) answer target "$@" ;;
    'metadata '*" --no-deps "*"${folder%/*}/standard-library/Cargo.toml"*) answer members "$@" ;;
    'metadata '*"${folder%/*}/standard-library/Cargo.toml"*) answer library "$@" ;;
esac
exec "$cargo" "$@"
