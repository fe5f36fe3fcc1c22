#!/bin/sh
# What cargo runs in place of rustc for the crate of a cell: `SCRIPT rustc ARGUMENTS`, in that crate's folder.
#
# rustc tells types of one name apart by the crate's identity, which cargo derives from all dependencies: a dependency more, and
# the variables of earlier cells would be of other types than the ones that the next cell knows. So the identity given here
# stays for as long as each crate that was linked before is the very same.
#
# So that it is the same, the versions in Cargo.lock stay too: to see whether a dependency can be had, evcxr resolves it alone in
# the same folder, and leaves a lock file of that alone. cargo asks this script about rustc before it reads the lock file.

# cargo asks about rustc many times, and always gets the same answer. The folder of this script is one kernel's, which has one
# compiler. An answer is kept as soon as it is whole, below what was asked. To start a program takes longer than all that is done
# here, so as few as can be are started.
newline='
'
answer() {
    asked="$RUSTC_BOOTSTRAP $*"
    case $asked in *"$newline"*) exec "$@" ;; esac
    folder=${script%/*}
    for kept in "$folder"/.answer-*; do
        [ -f "$kept" ] || continue
        {
            IFS= read -r known
            [ "$known" != "$asked" ] || exec cat
        } < "$kept"
    done
    new=$folder/.new-answer-$$
    { printf '%s\n' "$asked" && "$@"; } > "$new" || { status=$?; sed 1d "$new"; rm -f "$new"; exit "$status"; }
    mv "$new" "$folder/.answer-$$"
    { IFS= read -r known; exec cat; } < "$folder/.answer-$$"
}

# Whether this is the crate of a cell, and not one that evcxr resolves alone: the name stands near the beginning.
is_cell() {
    while IFS= read -r line; do
        case $line in 'name = "ctx"'*) return 0 ;; esac
    done < Cargo.toml
    return 1
}

# Keeps how the compiler is called, for `cargo_for_cells.sh` to call it in the same way: as a script that says what it makes, and
# how. Where that cannot be written simply, there is none.
keep_call() {
    made=
    previous=
    for argument do
        case $argument in *"'"* | *"$newline"*) return ;; esac
        if [ "$previous" = --out-dir ]; then
            for made in "$argument"/libctx.so "$argument"/libctx.dylib; do [ ! -f "$made" ] || break; done
        fi
        previous=$argument
    done
    if ! [ -f "$made" ]; then return; fi
    # cargo's own, for as long as it runs.
    of_cargo='MAKEFLAGS MFLAGS CARGO_MAKEFLAGS'
    {
        printf "made='%s'\nfollow() {\n" "$made"
        (unset $of_cargo; export -p)
        printf 'unset %s\nexec' "$of_cargo"
        printf " '%s'" "$@"
        printf '\n}\n'
    } > .cell-call
}

script=$0
case " $* " in
    *" -vV "*)
        if [ -f .kept-lock ] && ! [ .kept-lock -nt Cargo.lock ] && is_cell && grep -qs evcxr_dummy_validate_dep Cargo.lock; then
            cp .kept-lock Cargo.lock
        fi
        answer "$@"
        ;;
    *" --crate-name ___ "*) answer "$@" ;;
esac

emits_code=
externs=
previous=
for argument do
    case $previous in --extern) externs="$externs$argument
" ;; esac
    case $argument in --emit=*link*) emits_code=yes ;; esac
    previous=$argument
done
case " $* " in *" --crate-name ctx "*) ;; *) exec "$@" ;; esac
[ "$emits_code" ] || exec "$@"

identity=0
known=
# evcxr is not told how far to optimise: rust-analyzer would begin anew.
level=opt-level=0
if [ -f .cell-level ]; then read -r level < .cell-level; fi
if [ -f .cell-identity ]; then
    {
        read -r identity
        while IFS= read -r line; do known="$known$line
"; done
        known=${known%?}
    } < .cell-identity
fi
changed=
while IFS= read -r line; do
    case "
$externs" in
        *"
$line
"*) ;;
        *"
${line%%=*}="*) changed=yes ;;
    esac
done <<END
$known
END
[ "$changed" ] && identity=$((identity + 1))
printf '%s\n%s' "$identity" "$externs" > .cell-identity
# Of packages that are not in use now, the versions are kept too: another kernel, offline perhaps, has them compiled.
if [ "$externs" ] && ! [ .kept-lock -nt Cargo.lock ]; then
    [ -f .kept-lock ] || : > .kept-lock
    awk 'BEGIN { RS = ""; ORS = "\n\n" }
        { name = match($0, /name = "[^"]*"/) ? substr($0, RSTART, RLENGTH) : "" }
        FILENAME == "Cargo.lock" { used[name] = 1; print; next }
        /^\[\[package\]\]/ && !(name in used)' Cargo.lock .kept-lock > .new-lock && mv .new-lock .kept-lock
fi

count=$#
while [ "$count" -gt 0 ]; do
    argument=$1
    shift
    case $argument in
        metadata=*) argument="metadata=cell$identity" ;;
        opt-level=*) argument=$level ;;
    esac
    set -- "$@" "$argument"
    count=$((count - 1))
done
# What the compiler says goes to cargo, and stays for whoever shows warnings.
"$@" 2> .cell-messages
status=$?
if [ "$status" -eq 0 ]; then keep_call "$@"; fi
# Mostly few lines.
{
    lines=0
    while [ "$lines" -lt 4 ] && IFS= read -r line; do
        printf '%s\n' "$line"
        lines=$((lines + 1))
        line=
    done
    if [ "$lines" -eq 4 ]; then cat; else printf '%s' "$line"; fi
} < .cell-messages >&2
exit "$status"
