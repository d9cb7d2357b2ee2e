#!/usr/bin/env python3
"""Wraps the prose of Rust comments, Markdown files and '#' comments at 100 columns.

    scripts/wrap_comments.py PATH...           files, or folders (their .rs and .md files)
    scripts/wrap_comments.py --check PATH...   changes nothing; fails if something would change

Only paragraphs with a line that is too long change; everything else stays as it is to the byte.
Fenced and indented code, tables, headings, quotes and HTML are never touched. List items are wrapped
with a hanging indent. Code spans are kept on one line, and no new line starts with a character that
Markdown would take for the beginning of a list, heading, quote or table.
"""

import re
import sys
from pathlib import Path

COLUMNS = 100
RUST_COMMENT = re.compile(r"^(\s*//[/!]?)(?: (.*)|)$")
HASH_COMMENT = re.compile(r"^(\s*#)(?: (.*)|)$")
FENCE = re.compile(r"^\s*(```|~~~)")
# What is neither wrapped nor joined with a neighbouring line.
FIXED = re.compile(r"^(\s*\||\s*#{1,6} |\s*>|\s*<|\s*\[[^\]]+\]: |\s*(-{3,}|={3,}|\*{3,})\s*$)")
ITEM = re.compile(r"^(\s*)([-*+]|\d{1,3}[.)])(\s+)(?=\S)")
# A line that begins like this would no longer be a part of its paragraph.
OPENS_BLOCK = re.compile(r"^([-*+=]+$|\d{1,3}[.)]$|#{1,6}$|>|\||```|~~~)")
INDENTED = re.compile(r"^\s{2,}\S")
URL = re.compile(r"https?://\S+")


def width(line):
    """Columns of a line, URLs aside, since nobody can break them."""
    return len(URL.sub("", line))


def words(text):
    """Words of a paragraph; a code span with its neighbouring characters is one word."""
    parts = text.split()
    joined, open_ticks = [], 0
    for part in parts:
        if open_ticks:
            joined[-1] += " " + part
        else:
            joined.append(part)
        open_ticks = (open_ticks + part.count("`")) % 2
    if open_ticks or any(len(word) > 80 and " " in word for word in joined):
        joined = parts  # an unbalanced or very long span: break it where it must be
    glued = []
    for word in joined:
        if glued and OPENS_BLOCK.match(word):
            glued[-1] += " " + word
        else:
            glued.append(word)
    return glued


def fill(text, first, rest):
    """The text in lines that begin with `first`, then `rest`."""
    lines, line = [], first
    empty = True
    for word in words(text):
        if not empty and width(line + " " + word) > COLUMNS:
            lines.append(line)
            line, empty = rest, True
        line += word if empty else " " + word
        empty = False
    lines.append(line)
    return lines


def continues(line, before, indent):
    """Whether a line belongs to the paragraph of the line before it, whose text has this indent."""
    if not line.strip() or ITEM.match(line) or FENCE.match(line) or before.endswith(("  ", "\\")):
        return False
    text = line[len(indent) :] if line.startswith(indent) else line
    return not FIXED.match(text) and not text.startswith("  ")


def wrapped(bodies, room):
    """Lines of Markdown `bodies`, wrapped where one is wider than `room` columns leave."""
    out, fenced, i = [], False, 0
    while i < len(bodies):
        body = bodies[i]
        if FENCE.match(body):
            fenced = not fenced
        item = ITEM.match(body)
        untouched = FENCE.match(body) or FIXED.match(body) or (INDENTED.match(body) and not item)
        if fenced or not body.strip() or untouched:
            out.append(body)
            i += 1
            continue
        first = item.group(0) if item else re.match(r"\s*", body).group(0)
        rest = " " * len(first)
        end = i + 1
        while end < len(bodies) and continues(bodies[end], bodies[end - 1], rest):
            end += 1
        paragraph = bodies[i:end]
        if any(len(room) + width(line) > COLUMNS for line in paragraph):
            text = " ".join(line.strip() for line in paragraph)[len(first.strip()) :].strip()
            out += [line[len(room) :] for line in fill(text, room + first, room + rest)]
            if paragraph[-1].endswith("  "):
                out[-1] += "  "
        else:
            out += paragraph
        i = end
    return out


def comments(lines, pattern):
    """Wraps every block of whole-line comments with the same marker and indent."""
    out, i = [], 0
    while i < len(lines):
        match = pattern.match(lines[i])
        if not match:
            out.append(lines[i])
            i += 1
            continue
        marker, bodies = match.group(1), []
        while i < len(lines) and (match := pattern.match(lines[i])) and match.group(1) == marker:
            bodies.append(match.group(2) or "")
            i += 1
        for body in wrapped(bodies, marker + " "):
            out.append((marker + " " + body) if body else marker)
    return out


def markdown(lines):
    """Wraps a Markdown file, but for what a command put between its own markers."""
    out, block, generated = [], [], False
    for line in lines:
        if line.startswith("<!-- noisefloor:"):
            out += wrapped(block, "")
            block, generated = [], True
        if generated:
            out.append(line)
        else:
            block.append(line)
        if line.startswith("<!-- /noisefloor:"):
            generated = False
    return out + wrapped(block, "")


def wrap(path):
    text = path.read_text(encoding="utf-8")
    lines = text.split("\n")
    if path.suffix == ".rs":
        lines = comments(lines, RUST_COMMENT)
    elif path.suffix == ".md":
        lines = markdown(lines)
    else:
        head = 1 if lines[0].startswith("#!") else 0
        lines = lines[:head] + comments(lines[head:], HASH_COMMENT)
    return text, "\n".join(lines)


def main(arguments):
    check = "--check" in arguments
    paths = [Path(argument) for argument in arguments if argument != "--check"]
    if not paths:
        sys.exit(__doc__)
    changed = 0
    for path in paths:
        files = sorted(f for f in path.rglob("*") if f.suffix in (".rs", ".md")) if path.is_dir() else [path]
        for file in files:
            before, after = wrap(file)
            # Nothing but white space and comment markers may change.
            plain = [re.sub(r"[\s/!#]+", "", text) for text in (before, after)]
            if plain[0] != plain[1]:
                sys.exit(f"{file}: wrapping would change more than line breaks; nothing was written")
            if before != after:
                changed += 1
                print(file)
                if not check:
                    file.write_text(after, encoding="utf-8")
    if check and changed:
        sys.exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
