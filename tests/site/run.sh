#!/usr/bin/env bash
# run.sh FOLDER: makes the site of the documentation in FOLDER, where every link must lead somewhere.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source=$(cd "$here/../.." && pwd)
/usr/bin/python3 -c 'import sphinx, myst_parser, furo' 2>/dev/null && command -v doxygen sphinx-build >/dev/null || {
  echo "[skipped] ./dev site installs what makes the site (python3-sphinx, python3-myst-parser, furo, doxygen)"
  exit 77
}
/usr/bin/python3 "$source/docs/site/build.py" "$1"
/usr/bin/python3 "$here/check_links.py" "$1/html"
