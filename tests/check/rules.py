#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
"""The rules that no formatter knows: rules.py FILE… prints 'file:line: what' and exits 1 if any.

Which room may include which, sizes of files and functions, nesting, licence lines, no typedef of
structs. rules.py --self-test proves on small bad examples that each rule can fail.
"""
import os
import re
import sys

FILE_LINES = 500
FUNCTION_LINES = 60
NESTING = 3
COLUMNS = 100

WIRE_KERN = ("kern/abi.h", "kern/abi_signal.h", "kern/parse.bpf.h", "kern/refusal.h")
# Room: what its quoted includes may start with. tests, bench and vmtests may include all.
ROOMS = {
    "kern/": ("kern/",),
    "user/lib/": ("user/lib/",),
    "user/wire/": ("user/lib/", "user/wire/", "proto/") + WIRE_KERN,
    "user/agent/": ("user/lib/", "user/wire/", "user/metrics/", "user/sinks/", "user/agent/", "proto/", "skel/", "kern/abi.h",
                    "kern/abi_signal.h", "kern/refusal.h"),
    "user/exporters/": ("user/lib/", "user/wire/", "user/exporters/"),
    "user/metrics/": ("user/lib/", "user/wire/", "user/metrics/", "proto/"),
    "user/sinks/": ("user/lib/", "user/wire/", "user/metrics/", "user/sinks/", "proto/"),
    "user/collector/": ("user/lib/", "user/wire/", "user/exporters/", "user/sinks/", "user/metrics/",
                        "user/collector/", "proto/"),
    "user/cli/": ("user/lib/", "user/wire/", "user/cli/", "proto/"),
}
# Only these rooms see BPF at all.
BPF_ROOMS = ("kern/", "user/agent/", "tests/", "bench/", "vmtests/")
BPF_HEADERS = re.compile(r"(bpf|xdp)/|linux/bpf\.h$")

GPL = ("GPL-2.0", "GPL-2.0 OR Apache-2.0")
DUAL = ("Apache-2.0 OR GPL-2.0",)
LICENSED = re.compile(r"(\.(c|h|sh|py|proto|js|mjs|ts|tsx|css)|^Makefile)$")


def blank(match):
    """A comment or literal becomes spaces: lines and columns stay where they were."""
    return re.sub(r"[^\n]", " ", match.group(0))


def strip_code(text):
    """Without comments, the insides of literals, and preprocessor lines."""
    text = re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'',
                  blank, text, flags=re.S)
    return re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", blank, text, flags=re.M)


def room_of(path, rooms):
    return next((r for r in rooms if path.startswith(r)), None)


def check_includes(path, text):
    allowed = ROOMS.get(room_of(path, ROOMS))
    own = path[:-2] + ".h" if path.endswith(".c") else None
    seen, ours = 0, False
    for n, line in enumerate(text.split("\n"), 1):
        m = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if not m:
            continue
        quoted, name = m.group(1) == '"', m.group(2)
        seen += 1
        if not quoted:
            if BPF_HEADERS.match(name) and not room_of(path, BPF_ROOMS):
                yield n, f"<{name}>: {os.path.dirname(path)} never sees BPF"
            if ours and path.startswith("user/"):
                yield n, f"<{name}>: own header first, then system, then ours"
            continue
        if "/" not in name:
            yield n, f'"{name}": include from the root, or with <> what is not ours'
        elif allowed and not name.startswith(allowed):
            yield n, f'"{name}": {os.path.dirname(path)} may include only {", ".join(allowed)}'
        if path.startswith("user/") and name == own and seen > 1:
            yield n, f'"{name}": own header first'
        # batch_zstd.c may open with batch.h: the first one counts as its own
        ours = ours or (name != own and seen > 1)


def functions(code):
    """Yield (name, first line, last line, deepest nesting, its line) of each function body."""
    depth, start, line, stack = 0, None, 1, []
    head = ""  # what came since the last ; or } at depth 0
    worst = (0, 0)
    for ch in code:
        if ch == "{":
            if depth == 0 and re.search(r"\)\s*(__\w+(\(.*\))?\s*)*$", head):
                m = re.search(r"(\w+)\s*\(", re.sub(r"SEC\([^)]*\)|__attribute__\(\(.*?\)\)", "", head))
                start, worst = (m.group(1) if m else "?", line), (0, 0)
            block = bool(re.search(r"(\)|\belse|\bdo)\s*$", head)) and not re.search(
                r"\((?:const )?struct \w+\)\s*$", head)
            stack.append(block)
            depth += 1
            level = sum(stack) - 1
            if start and block and level > worst[0]:
                worst = (level, line)
            head = ""
        elif ch == "}":
            depth = max(depth - 1, 0)
            if stack:
                stack.pop()
            if depth == 0 and start:
                yield start[0], start[1], line, worst[0], worst[1]
                start = None
            head = ""
        elif ch == ";":
            head = ""
        else:
            head += ch
        if ch == "\n":
            line += 1


def check_c(path, text):
    yield from check_includes(path, text)
    code = strip_code(text)
    for name, first, last, level, where in functions(code):
        if last - first + 1 > FUNCTION_LINES:
            yield first, f"{name}() has {last - first + 1} lines, {FUNCTION_LINES} are allowed"
        if level > NESTING:
            yield where, f"{name}() nests {level} deep, {NESTING} are allowed"
    for n, line in enumerate(code.split("\n"), 1):
        if re.search(r"\btypedef\s+(struct|union)\b", line):
            yield n, "no typedef for a struct"
    for n, line in enumerate(text.split("\n"), 1):
        if len(line.expandtabs(8)) > COLUMNS and '"' not in line:
            yield n, f"longer than {COLUMNS} columns"


def check_licence(path, text):
    head = text.split("\n", 3)[:3]
    want = GPL if path.startswith("kern/") else DUAL
    for line in head:
        m = re.search(r"SPDX-License-Identifier: (.*?)\s*(\*/|-->)?\s*$", line)
        if m:
            if m.group(1) not in want:
                yield 1, f"licence is '{m.group(1)}', here it is '{' or '.join(want)}'"
            return
    yield 1, "no SPDX-License-Identifier in the first three lines"


def check_file(path, text):
    if LICENSED.search(path) or text.startswith("#!"):
        yield from check_licence(path, text)
        count = text.count("\n")
        if count > FILE_LINES:
            yield count, f"file has {count} lines, {FILE_LINES} are allowed"
        for n, line in enumerate(text.split("\n"), 1):
            if line != line.rstrip():
                yield n, "blanks at the end of the line"
        if not text.endswith("\n") and text:
            yield text.count("\n") + 1, "no newline at the end of the file"
    if path.endswith((".c", ".h")):
        yield from check_c(path, text)


SPDX = "/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */\n"
SPDX_KERN = "/* SPDX-License-Identifier: GPL-2.0 */\n"
LONG = SPDX + "int f(int a)\n{\n" + "\ta++;\n" * 59 + "}\n"
DEEP = (SPDX + "int f(int a)\n{\n\tif (a) {\n\t\twhile (a) {\n\t\t\tdo {\n\t\t\t\tif (a) {\n"
        "\t\t\t\t\ta++;\n\t\t\t\t}\n\t\t\t} while (a);\n\t\t}\n\t}\n}\n")
EXAMPLES = (  # path, text, part of the one complaint or None
    ("user/lib/a.c", SPDX + '#include "user/lib/a.h"\n\n#include <stdio.h>\n\n#include "user/lib/b.h"\n', None),
    ("user/lib/a.c", SPDX + '#include "user/wire/a.h"\n', ":2: "),
    ("user/lib/a.c", SPDX + "#include <bpf/libbpf.h>\n", "never sees BPF"),
    ("user/lib/a.c", SPDX + '#include "user/lib/b.h"\n#include <stdio.h>\n', None),
    ("user/lib/a.c", SPDX + '#include <errno.h>\n#include "user/lib/b.h"\n#include <stdio.h>\n',
     "then system, then ours"),
    ("user/lib/a.c", SPDX + '#include <stdio.h>\n#include "user/lib/a.h"\n', "own header first"),
    ("user/lib/a.c", SPDX + '#include "b.h"\n', "from the root"),
    ("user/wire/a.c", SPDX + '#include "kern/parse.bpf.h"\n', None),
    ("user/wire/a.c", SPDX + '#include "kern/tally.bpf.h"\n', "may include only"),
    ("user/agent/a.c", SPDX + '#include <bpf/libbpf.h>\n#include "skel/flow.skel.h"\n', None),
    ("user/agent/a.c", SPDX + '#include "user/collector/a.h"\n', "may include only"),
    ("user/collector/a.c", SPDX + '#include "kern/abi.h"\n', "may include only"),
    ("user/collector/a.c", SPDX + "#include <linux/bpf.h>\n", "never sees BPF"),
    ("user/cli/a.c", SPDX + '#include "user/agent/a.h"\n', "may include only"),
    ("kern/a.bpf.c", SPDX_KERN + '#include "user/lib/a.h"\n', "may include only"),
    ("kern/a.bpf.c", SPDX, "licence is"),
    ("user/lib/a.h", "int a;\n", "no SPDX"),
    ("user/lib/a.h", SPDX + "typedef struct { int a; } b;\n", "no typedef"),
    ("user/lib/a.h", SPDX + "/* typedef struct */ int a; /* } */\n", None),
    ("user/lib/a.h", SPDX + "int a; \n", "blanks at the end"),
    ("user/lib/a.h", SPDX + "int a;", "no newline"),
    ("user/lib/a.h", SPDX + "int a;\n" * 500, "501 lines"),
    ("user/lib/a.c", SPDX + "int " + "a" * 97 + ";\n", "100 columns"),
    ("user/lib/a.c", LONG, ":3: f() has 61 lines"),
    ("user/lib/a.c", LONG.replace("\ta++;\n", "", 1), None),
    ("user/lib/a.c", LONG.replace("int f(int a)", "Test(f, a, .init = g)"), "Test() has 61"),
    ("user/lib/a.c", LONG.replace("int f(int a)", "static int rows[] ="), None),
    ("user/lib/a.c", DEEP, ":7: f() nests 4 deep"),
    ("user/lib/a.c", DEEP.replace("while (a) {", "a = (struct x){", 1), None),
    ("ui/src/a.tsx", "export const a = 1;\n", "no SPDX"),
    ("tests/x.sh", "#!/bin/bash\necho\n", "no SPDX"),
)


def self_test():
    bad = 0
    for i, (path, text, want) in enumerate(EXAMPLES):
        got = [f"{path}:{n}: {what}" for n, what in check_file(path, text)]
        if (want is None and got) or (want and (len(got) != 1 or want not in got[0])):
            print(f"tests/check/rules.py:1: example {i}: got {got}, want {want!r}")
            bad += 1
    return bad


def main(argv):
    if argv[1:] == ["--self-test"]:
        return 1 if self_test() else 0
    bad = 0
    for path in argv[1:]:
        try:
            with open(path, encoding="utf-8") as f:
                text = f.read()
        except UnicodeDecodeError:
            continue  # a corpus, a picture
        for n, what in sorted(check_file(path, text)):
            print(f"{path}:{n}: {what}")
            bad += 1
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
