#!/bin/sh
# What evcxr and rust-analyzer run as cargo: `SCRIPT ARGUMENTS`, mostly in the folder of the crate that cells are compiled as.
#
# cargo works out for each cell what it has worked out for the one before: how to call the compiler. While dependencies, settings and
# environment are the same, the compiler is called in the same way. And what rust-analyzer asks about the toolchain and the settings has
# one answer in a kernel, however often it begins anew.
#
# The kernel's environment leads here. What is started from here finds programs and settings as it did before, but has the kernel's size of
# stacks and, where the user's is unfit, its place of temporary files. A name begins with an underscore, lest it is one of the user's.

_newline='
'
_script=$0
_folder=${_script%/*}
# Without a path, programs are looked for where the system has them.
case $PATH in "$_folder") PATH=/usr/local/bin:/usr/bin:/bin ;; *) PATH=${PATH#"$_folder":} ;; esac
if [ "${PIPULATE_KERNEL_CARGO_HOME+set}" ]; then
    CARGO_HOME=$PIPULATE_KERNEL_CARGO_HOME
    export CARGO_HOME
    unset PIPULATE_KERNEL_CARGO_HOME
else
    unset CARGO_HOME
fi
case $RUST_SRC_PATH in "${_folder%/*}"/*) unset RUST_SRC_PATH ;; esac
# By this the kernel knows what it is to end with this work, whatever has become of whoever started it.
PIPULATE_KERNEL_BUILD=$PWD
export PIPULATE_KERNEL_BUILD
_cargo=cargo
if [ -f "$_script-itself" ]; then IFS= read -r _cargo < "$_script-itself"; fi

# Answers from what is kept, or keeps the answer, as soon as it is whole, below what was asked.
answer() {
    _kept=$_folder/.answer-$1
    shift
    _asked="$PWD $RUSTC_BOOTSTRAP $_cargo $*"
    case $_asked in *"$_newline"*) exec "$_cargo" "$@" ;; esac
    if [ -f "$_kept" ]; then
        {
            IFS= read -r _known
            [ "$_known" != "$_asked" ] || exec cat
        } < "$_kept"
    fi
    _new=$_kept-$$
    { printf '%s\n' "$_asked" && "$_cargo" "$@"; } > "$_new" || { _status=$?; sed 1d "$_new"; rm -f "$_new"; exit "$_status"; }
    { IFS= read -r _known; cat; } < "$_new"
    mv "$_new" "$_kept"
    exit
}

# Adds to what is asked the lines of a file, if there is one.
ask_of() {
    if ! [ -f "$1" ]; then return; fi
    while IFS= read -r _line || [ "$_line" ]; do _question="$_question$_line$_newline"; done < "$1"
}

# All that makes a difference to how the compiler is called, but for the lock file: settings wherever cargo looks for them, and the
# environment. Whether cargo asks about the compiler again makes none.
question() {
    _question=$*$_newline
    _place=$PWD/
    while [ "$_place" ]; do
        _place=${_place%/*}
        ask_of "$_place/.cargo/config"
        ask_of "$_place/.cargo/config.toml"
    done
    ask_of "${CARGO_HOME:-$HOME/.cargo}/config"
    ask_of "${CARGO_HOME:-$HOME/.cargo}/config.toml"
    _settings=$_question
    ask_of .cell-level
    ask_of Cargo.toml
    _question=$_question$(unset CARGO_CACHE_RUSTC_INFO; export -p)$_newline
}

# Whether all dependencies are such as do not change: those in another folder of the user's may, which settings can put in the place
# of others, too. In the lock file they have no source.
are_fixed() {
    case $_settings in *paths*) return 1 ;; esac
    if ! awk 'BEGIN { RS = "" }
        /^\[\[package\]\]/ && !/\nsource = / && !/\nname = "(ctx|pipulate)"\n/ { exit 1 }' Cargo.lock; then return 1; fi
    while IFS= read -r _line; do
        case $_line in
            'pipulate = { path = "'*/cell-library/*) ;;
            *[!a-z]path*) return 1 ;;
        esac
    done < Cargo.toml
}

# Calls the compiler as it was called for the cell before. Returns where that is not how it is called for this one, or where what comes
# of it is for cargo to tell.
follow_plan() {
    if ! [ -f .cell-plan ] || [ Cargo.lock -nt .cell-plan ]; then return; fi
    . ./.cell-plan
    if [ "$_planned" != "$_question" ]; then return; fi
    # See `rustc_for_cells.sh`.
    if [ -s .compiling ]; then return; fi
    echo begun > .compiling
    (follow) < /dev/null 2> .cell-messages
    _status=$?
    if [ "$_status" -lt 128 ]; then : > .compiling; fi
    if [ "$_status" -eq 0 ]; then
        printf '%s' "$_made" > "$EVCXR_EXECUTION_SO_PATH" && exit 0
        return
    fi
    # As from cargo: without colours, of which a backslash that the user wrote is no part.
    _kept_backslash=$(printf '\001')
    _messages=$(sed -n "/^{/{s/\\\\\\\\/$_kept_backslash/g;s/\\\\u001b\\[[0-9;]*m//g;s/$_kept_backslash/\\\\\\\\/g;p;}" .cell-messages)
    case $_messages in
        *'"level":"error"'*)
            printf '%s\n' "$_messages"
            exit 101
            ;;
    esac
}

# Whether a plan can be read again, and is the one meant: the disk may be full.
is_whole() {
    (_planned= && . ./.new-plan && [ "$_planned" = "$_question" ]) 2> /dev/null
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
    "$_cargo" "$@"
    _status=$?
    # Where there is no home, cargo knows of another.
    if [ "$_status" -eq 0 ] && [ -f .cell-call ] && [ "$CARGO_HOME$HOME" ] && are_fixed; then
        {
            printf "_planned='"
            printf '%s' "$_question" | sed "s/'/'\\\\''/g"
            printf "'\n"
            cat .cell-call
        } > .new-plan && is_whole && mv .new-plan .cell-plan
    fi
    exit "$_status"
}

case " $* " in
    *' build '*)
        # Another wrapper has a say in what is compiled.
        if [ "$EVCXR_EXECUTION_SO_PATH" ]; then
            if ! [ "$RUSTC_WRAPPER$CARGO_BUILD_RUSTC_WRAPPER" ]; then
                question "$@"
                follow_plan
                build "$@"
            fi
            if [ -f .cell-plan ]; then rm .cell-plan; fi
        fi
        ;;
esac
case $* in
    --version) answer version "$@" ;;
    'locate-project --workspace '*) answer place "$@" ;;
    *' config get '*) answer settings "$@" ;;
    'rustc '*' --print cfg '*) answer cfg "$@" ;;
    'rustc '*' --print target-spec-json '*) answer target "$@" ;;
    'metadata '*" --no-deps "*"${_folder%/*}/standard-library/Cargo.toml"*) answer members "$@" ;;
    'metadata '*"${_folder%/*}/standard-library/Cargo.toml"*) answer library "$@" ;;
esac
exec "$_cargo" "$@"
