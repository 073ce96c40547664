"""check_commands.py NARROW ROOT: the commands in the documents exist, with all their options.

Read are fenced blocks of shells and code between backticks, in README.md, docs/ and models/. A command is `narrow COMMAND ...`
or `./dev VERB`. Options are those of `narrow COMMAND --help-all`.
"""
import re
import subprocess
import sys
from pathlib import Path

NARROW, ROOT = sys.argv[1], Path(sys.argv[2])
FILES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "models/README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def output(*arguments):
    return subprocess.run([NARROW, *arguments], capture_output=True, text=True, check=True).stdout


def commands_of(text):
    """The commands in a document, each a list of words."""
    code = []
    for block in re.findall(r"^```(?:sh|bash|)\n(.*?)^```", text, flags=re.M | re.S):
        code += re.sub(r"\\\n\s*", " ", block).splitlines()
    prose = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    code += [span.replace("\n", " ") for span in re.findall(r"(?<!`)`([^`]+)`(?!`)", prose)]
    for line in code:
        line = re.sub(r"\s#\s.*", "", line)
        for part in re.split(r"\|\|?|&&|;|\$\(|[()]", line.replace("\\|", "|")):
            words = part.split()
            while words and (words[0] in ("do", "time", "nice", "then") or re.fullmatch(r"[A-Z_]+=\S*", words[0])):
                words.pop(0)
            if words and words[0] in ("narrow", "build/release/narrow", "build/demo/narrow", "./dev"):
                yield words


known = set(re.findall(r"^  ([a-z-]+) ", output("--help").split("Subcommands:")[1].split("\n\n")[0], flags=re.M))
verbs = set(re.findall(r"^  ([a-z-]+) ", subprocess.run([ROOT / "dev", "--help"], capture_output=True, text=True, check=True).stdout, flags=re.M))
options = {name: set(re.findall(r"(?<![\w-])--?[a-zA-Z][a-z-]*", output(name, "--help-all"))) for name in known}
problems, checked = [], 0
for file in FILES:
    for words in commands_of(file.read_text(encoding="utf-8")):
        where = f"{file.relative_to(ROOT)}: {' '.join(words)[:100]}"
        if len(words) < 2 or not re.fullmatch(r"[a-z][a-z-]*", words[1]):
            continue  # `narrow --help`, `narrow COMMAND`
        checked += 1
        if words[0] == "./dev":
            if words[1] not in verbs:
                problems.append(f"{where}: there is no such verb")
            continue
        if words[1] not in known:
            problems.append(f"{where}: there is no such command")
            continue
        for word in words[2:]:
            option = word.split("=")[0].rstrip(",.")
            if re.fullmatch(r"--?[a-zA-Z][a-z-]*", option) and option not in options[words[1]]:
                problems.append(f"{where}: there is no {option}")
if checked < 100:
    problems.append(f"only {checked} commands were found")
print("\n".join(problems) or f"{checked} commands")
sys.exit(1 if problems else 0)
