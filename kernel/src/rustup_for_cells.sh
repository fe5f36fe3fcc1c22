#!/bin/sh
# What evcxr runs as rustup, to know where cargo is: it is told of `cargo_for_cells.sh`, beside this.

_script=$0
_folder=${_script%/*}
case $PATH in "$_folder") PATH=/usr/local/bin:/usr/bin:/bin ;; *) PATH=${PATH#"$_folder":} ;; esac
case $* in
    'which cargo')
        printf '%s\n' "$_folder/cargo"
        exit
        ;;
    +*' which cargo')
        _itself=$(rustup "$@") || exit
        _name=cargo-${1#+}
        case $_name in */*) printf '%s\n' "$_itself"; exit ;; esac
        printf '%s\n' "$_itself" > "$_folder/$_name-itself"
        ln -f "$_folder/cargo" "$_folder/$_name" && printf '%s\n' "$_folder/$_name"
        exit
        ;;
esac
exec rustup "$@"
