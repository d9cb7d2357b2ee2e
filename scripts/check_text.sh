#!/usr/bin/env bash
# Finds lines of prose longer than 100 columns; prints each and fails if there is one.
#   scripts/check_text.sh               Markdown files, scripts and configuration files
#   scripts/check_text.sh crates/X ...  also the comments of the Rust files in these folders
# Exempt: tables, fenced code, URLs, what a command put between its own markers in a document, and
# the manifests of datasets, whose bytes are part of the digest that every run records.
# scripts/wrap_comments.py wraps what is found here.
set -euo pipefail
cd "$(dirname "$0")/.."

# prose KIND: reads names of files, one a line.
prose() {
  tr '\n' '\0' | LC_ALL=C xargs -0 awk -v kind="$1" '
    FNR == 1 { fenced = 0; generated = 0 }
    {
      text = $0
      if (kind == "rust") { if (text !~ /^[ \t]*\/\//) { fenced = 0; next } }
      else if (kind == "hash") { if (text !~ /^[ \t]*#/) next }
      body = text
      if (kind == "rust") sub(/^[ \t]*\/\/[\/!]?[ ]?/, "", body)
      if (body ~ /^[ ]*```/) { fenced = !fenced; next }
      if (body ~ /^<!-- noisefloor:/) generated = 1
      if (body ~ /^<!-- \/noisefloor:/) generated = 0
      if (fenced || generated || body ~ /^[ ]*\|/) next
      gsub(/https?:\/\/[^ ]+/, "", text)
      gsub(/[\200-\277]/, "", text) # all bytes of a character but its first
      if (length(text) > 100) {
        printf "%s:%d: %d columns\n", FILENAME, FNR, length(text)
        found = 1
      }
    }
    END { exit found }' >&2
}

status=0
git ls-files '*.md' ':!results' | prose markdown || status=1
git ls-files '*.sh' '*.toml' ':!results' ':!checkpoints' ':!datasets' | prose hash || status=1
if [ $# -gt 0 ]; then
  git ls-files -- "${@/%//*.rs}" | prose rust || status=1
fi
[ $status = 0 ] || echo "These lines are longer than 100 columns; scripts/wrap_comments.py wraps them." >&2
exit $status
