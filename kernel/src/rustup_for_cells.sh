#!/bin/sh
# What evcxr runs as rustup, to know where cargo is: it is told of `cargo_for_cells.sh`, beside this.

script=$0
folder=${script%/*}
PATH=${PATH#"$folder":}
case $* in
    'which cargo')
        printf '%s\n' "$folder/cargo"
        exit
        ;;
    +*' which cargo')
        itself=$(rustup "$@") || exit
        name=cargo-${1#+}
        case $name in */*) printf '%s\n' "$itself"; exit ;; esac
        printf '%s\n' "$itself" > "$folder/$name-itself"
        ln -f "$folder/cargo" "$folder/$name" && printf '%s\n' "$folder/$name"
        exit
        ;;
esac
exec rustup "$@"
