#!/usr/bin/env bash
# Runs every verb over a folder of anybody's FITS files and prints what is not exact, with counts.
#
#   scripts/sweep.sh FOLDER
#
# Nothing in FOLDER is changed. One line for each thing that is not exact (verb, outcome, file,
# message), then a table of counts; both can be sent as they are. Outcomes: `exact` (done, and where
# bytes are restored, they are the original's), `refused` (exit code 1: the message says why),
# `different` (other bytes came back), `crashed` (any other exit code) and `slow` (stopped after
# $SWEEP_SECONDS, default 600). Exit code 1 if anything is different or crashed. $NOISEFLOOR names
# the program (default: target/release/noisefloor, else the one in PATH).
set -uo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
if [ $# -ne 1 ] || [ ! -d "$1" ]; then
    echo "usage: scripts/sweep.sh FOLDER" >&2
    exit 2
fi
folder=$1
program=${NOISEFLOOR:-$root/target/release/noisefloor}
[ -x "$program" ] || program=$(command -v noisefloor) || {
    echo "sweep: no program; build it (cargo build --release -p noisefloor) or set NOISEFLOOR" >&2
    exit 2
}
seconds=${SWEEP_SECONDS:-600}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
algorithms="rice gzip1 gzip2 plio hcompress none floor"

# Counts one outcome of one verb; tells what is not exact, with what the program said.
note() { # VERB OUTCOME [MESSAGE]
    printf '%s %s\n' "$1" "$2" >>"$work/counts"
    [ "$2" = exact ] || printf '%s\t%s\t%s\t%s\n' "$1" "$2" "$shown" "${3:-}"
}

# Runs the program; what it says is in $work/said. True if it succeeded, otherwise the outcome is
# noted.
runs() { # VERB ARGUMENT...
    local verb=$1 code=0
    shift
    timeout "$seconds" "$program" "$@" >"$work/out" 2>"$work/said" </dev/null || code=$?
    [ $code -eq 0 ] && return
    local said
    # The panic or the last line; the links' names mean nothing elsewhere.
    said=$( (grep -am 1 -A 1 'panicked at' "$work/said" || tail -n 1 "$work/said") | tr '\t\n' '  ' | sed "s|$work/||g")
    case $code in
    1) note "$verb" refused "$said" ;;
    124 | 137) note "$verb" slow "stopped after $seconds s" ;;
    *) note "$verb" crashed "exit code $code: $said" ;;
    esac
    return 1
}

# Notes whether the bytes that came back are the original's.
same() { # VERB FILE
    if cmp -s "$work/original" "$2"; then
        note "$1" exact
    else
        note "$1" different "$(cmp "$work/original" "$2" 2>&1 | sed "s|$work/||g; s/.*: byte/byte/")"
    fi
}

sweep_file() { # FILE
    # A name of its own, whatever the file's is.
    local ending input
    ending=$(printf '%s' "${1##*/}" | tr '[:upper:]' '[:lower:]' | LC_ALL=C sed -n 's/.*\.\(gz\|fz\)$/.\1/p')
    input=$work/in.fits$ending
    rm -f "$work"/in.fits* "$work/original" "$work"/back.* "$work"/packed.*
    ln -s "$(realpath -- "$1")" "$input"

    runs info info "$input" && note info exact
    runs inspect data inspect "$input" && note inspect exact
    runs verify fits verify "$input" && note verify exact

    # What must come back: the file, inflated and unpacked.
    if [ "$ending" = .gz ]; then
        gzip -dcq -- "$input" >"$work/original" 2>/dev/null
        if [ $? -eq 1 ]; then
            note gunzip refused "gzip cannot read it, so there is nothing to compare with"
            return
        fi
    else
        cp -- "$input" "$work/original"
    fi
    if LC_ALL=C grep -aqE 'Z(IMAGE|TABLE) {0,2}= +T' "$work/original"; then
        runs unpack fits unpack --force --output "$work/back.fits" "$input" || return
        note unpack exact
        mv "$work/back.fits" "$work/original"
    fi

    if runs compress compress --force "$input" "$work/packed.nfl" &&
        runs decompress decompress --force "$work/packed.nfl" "$work/back.fits"; then
        same compress "$work/back.fits"
    fi
    for algorithm in $algorithms; do
        if runs "pack-$algorithm" fits pack --force --to "$algorithm" --output "$work/packed.fits.fz" "$input" &&
            runs "unpack-$algorithm" fits unpack --force --output "$work/back.fits" "$work/packed.fits.fz"; then
            same "pack-$algorithm" "$work/back.fits"
        fi
    done
    runs cutout fits cutout --force "$input" "$work/back.cut.fits" && note cutout exact
}

: >"$work/counts"
files=0
while IFS= read -r -d '' file; do
    files=$((files + 1))
    shown=$(printf '%q' "${file#"$folder"/}")
    sweep_file "$file"
done < <(
    find -L "$folder" -type f \( -iname '*.fits' -o -iname '*.fit' -o -iname '*.fts' \
        -o -iname '*.fits.[fg]z' -o -iname '*.fit.[fg]z' -o -iname '*.fts.[fg]z' \) -print0 | LC_ALL=C sort -z
)

echo
"$program" --version
echo "$files files"
LC_ALL=C sort "$work/counts" | uniq -c |
    awk '{ n[$2] = n[$2] "  " $3 " " $1 } END { for (verb in n) printf "%-16s%s\n", verb, n[verb] }' | LC_ALL=C sort
! grep -qE ' (different|crashed)$' "$work/counts"
