"""doxygen_filter.py HEADER: prints the header with its comments as Doxygen reads them.

Our comments are plain: above a declaration, or behind it on its line. What Doxygen would take for markup is escaped.
"""
import re
import sys


def escaped(text):
    return re.sub(r"([\\<>@#%&])", r"\\\1", text)


def converted(lines):
    begin = True
    for line in lines:
        if match := re.fullmatch(r"(\s*)//(?: (.*))?", line):
            if begin:
                yield "/// @file"
            yield f"{match[1]}/// {escaped(match[2] or '')}"
        elif match := re.fullmatch(r"(\s*\S.*?)\s+// (.*)", line):
            yield f"{match[1]}  ///< {escaped(match[2])}"
        else:
            yield line
        begin = False


with open(sys.argv[1], encoding="utf-8") as file:
    text = file.read()
# The version of the interface is in the names of symbols, and not in those of the reference.
text = text.replace("inline namespace v0 {\n", "").replace("}  // namespace v0\n", "")
print("\n".join(converted(text.splitlines())))
