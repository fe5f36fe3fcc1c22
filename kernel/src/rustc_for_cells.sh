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
# here, so as few as can be are started. A name begins with an underscore, lest it is one of the user's environment.
_newline='
'
answer() {
    _asked="$RUSTC_BOOTSTRAP $*"
    case $_asked in *"$_newline"*) exec "$@" ;; esac
    _folder=${_script%/*}
    for _kept in "$_folder"/.answer-*; do
        [ -f "$_kept" ] || continue
        {
            IFS= read -r _known
            [ "$_known" != "$_asked" ] || exec cat
        } < "$_kept"
    done
    _new=$_folder/.new-answer-$$
    { printf '%s\n' "$_asked" && "$@"; } > "$_new" || { _status=$?; sed 1d "$_new"; rm -f "$_new"; exit "$_status"; }
    { IFS= read -r _known; cat; } < "$_new"
    mv "$_new" "$_folder/.answer-$$"
    exit
}

# Whether this is the crate of a cell, and not one that evcxr resolves alone: the name stands near the beginning.
is_cell() {
    while IFS= read -r _line; do
        case $_line in 'name = "ctx"'*) return 0 ;; esac
    done < Cargo.toml
    return 1
}

# Keeps how the compiler is called, for `cargo_for_cells.sh` to call it in the same way: as a script that says what it makes, and
# how. Where that cannot be written simply, there is none.
keep_call() {
    _made=
    _previous=
    for _argument do
        case $_argument in *"'"* | *"$_newline"*) return ;; esac
        if [ "$_previous" = --out-dir ]; then
            for _made in "$_argument"/libctx.so "$_argument"/libctx.dylib; do [ ! -f "$_made" ] || break; done
        fi
        _previous=$_argument
    done
    if ! [ -f "$_made" ]; then return; fi
    # cargo's own, for as long as it runs.
    _of_cargo='MAKEFLAGS MFLAGS CARGO_MAKEFLAGS'
    {
        printf "_made='%s'\nfollow() {\n" "$_made"
        (unset $_of_cargo; export -p)
        printf 'unset %s\nexec' "$_of_cargo"
        printf " '%s'" "$@"
        # Without its end it is none, as where the disk is full.
        printf '\n}\n'
    } > .cell-call
}

_script=$0
case " $* " in
    *" -vV "*)
        if [ -f .kept-lock ] && ! [ .kept-lock -nt Cargo.lock ] && is_cell && grep -qs evcxr_dummy_validate_dep Cargo.lock; then
            cp .kept-lock Cargo.lock
        fi
        answer "$@"
        ;;
    *" --crate-name ___ "*) answer "$@" ;;
esac

_emits_code=
_externs=
_previous=
for _argument do
    case $_previous in --extern) _externs="$_externs$_argument
" ;; esac
    case $_argument in --emit=*link*) _emits_code=yes ;; esac
    _previous=$_argument
done
case " $* " in *" --crate-name ctx "*) ;; *) exec "$@" ;; esac
[ "$_emits_code" ] || exec "$@"

_identity=0
_known=
# evcxr is not told how far to optimise: rust-analyzer would begin anew.
_level=opt-level=0
if [ -f .cell-level ]; then read -r _level < .cell-level; fi
if [ -f .cell-identity ]; then
    {
        read -r _identity
        while IFS= read -r _line; do _known="$_known$_line
"; done
        _known=${_known%?}
    } < .cell-identity
fi
_changed=
while IFS= read -r _line; do
    case "
$_externs" in
        *"
$_line
"*) ;;
        *"
${_line%%=*}="*) _changed=yes ;;
    esac
done <<END
$_known
END
[ "$_changed" ] && _identity=$((_identity + 1))
printf '%s\n%s' "$_identity" "$_externs" > .cell-identity
# Of packages that are not in use now, the versions are kept too: another kernel, offline perhaps, has them compiled.
if [ "$_externs" ] && ! [ .kept-lock -nt Cargo.lock ]; then
    [ -f .kept-lock ] || : > .kept-lock
    awk 'BEGIN { RS = ""; ORS = "\n\n" }
        { name = match($0, /name = "[^"]*"/) ? substr($0, RSTART, RLENGTH) : "" }
        FILENAME == "Cargo.lock" { used[name] = 1; print; next }
        /^\[\[package\]\]/ && !(name in used)' Cargo.lock .kept-lock > .new-lock && mv .new-lock .kept-lock
fi

_count=$#
while [ "$_count" -gt 0 ]; do
    _argument=$1
    shift
    case $_argument in
        metadata=*) _argument="metadata=cell$_identity" ;;
        opt-level=*) _argument=$_level ;;
    esac
    set -- "$@" "$_argument"
    _count=$((_count - 1))
done
# A compiler that was killed may leave behind, of what it keeps for the next time, what does not fit together: it writes over files of
# the time before. The next one begins without.
if [ -s .compiling ]; then rm -rf target/*/incremental/ctx-* target/*/*/incremental/ctx-*; fi
echo begun > .compiling
# What the compiler says goes to cargo, and stays for whoever shows warnings.
"$@" 2> .cell-messages
_status=$?
if [ "$_status" -lt 128 ]; then : > .compiling; fi
if [ "$_status" -eq 0 ]; then keep_call "$@"; fi
# Mostly few lines.
{
    _lines=0
    while [ "$_lines" -lt 4 ] && IFS= read -r _line; do
        printf '%s\n' "$_line"
        _lines=$((_lines + 1))
        _line=
    done
    if [ "$_lines" -eq 4 ]; then cat; else printf '%s' "$_line"; fi
} < .cell-messages >&2
exit "$_status"
