#!/bin/sh
# Makes .venv, with all that requirements-dev.txt lists. With --choose it only prints the Python that it would take.
# For any POSIX shell: also that of macOS, whose tools have none of GNU's options.
set -eu
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$@" >&2; }

runs() { "$1" -c "$2" >/dev/null 2>&1; }

# The first Python that fits; those that lack only the module venv are kept in $without_venv.
choose() {
    without_venv=
    if [ "${PYTHON:-}" ]; then
        set -- "$PYTHON"
    else
        set -- python3 python3.13 python3.12 python3.11 python3.10 python
    fi
    for python; do
        runs "$python" 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 14))' || continue
        # ensurepip is what Debian leaves out with it.
        if runs "$python" 'import venv, ensurepip'; then
            chosen=$python
            return
        fi
        without_venv=${without_venv:-$python}
    done
    return 1
}

case $(uname -s) in
MINGW* | MSYS* | CYGWIN*)
    say 'On Windows this needs the Windows Subsystem for Linux. In PowerShell: wsl --install' \
        'Then open Ubuntu, and run make there.'
    exit 1
    ;;
esac

if ! choose; then
    if [ "$without_venv" ]; then
        version=$("$without_venv" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        say "Python $version is here, but its module venv is missing." \
            "On Debian and Ubuntu: sudo apt install python$version-venv"
    elif [ "${PYTHON:-}" ]; then
        say "$PYTHON is not a Python from 3.10 to 3.13."
    else
        say 'No Python from 3.10 to 3.13 was found: neither python3, nor python3.13 to python3.10, nor python.' \
            'On Debian and Ubuntu: sudo apt install python3 python3-venv. On macOS: brew install python@3.13'
    fi
    say 'Or name another one: make PYTHON=/path/to/python3 ...'
    exit 1
fi
if [ "${1:-}" = --choose ]; then
    printf '%s\n' "$chosen"
    exit
fi

# One that was begun and not finished is made anew.
.venv/bin/python -m pip --version >/dev/null 2>&1 || "$chosen" -m venv --clear .venv
echo 'Installing Azure CLI and the tools into .venv. This takes a minute or two, once.'
# pip compiles all modules: where Python may not write bytecode itself, each az would compile what it uses again.
.venv/bin/python -m pip install --quiet --disable-pip-version-check --requirement requirements-dev.txt
# The schema of JUnit XML that tests check against, Jenkins's: no package installs it, but the sources of pytest have it.
version=$(sed -n 's/^pytest==//p' requirements-dev.txt)
sources=.venv/share/pytest-$version.tar.gz
if .venv/bin/python -m pip download --quiet --disable-pip-version-check --no-deps --no-binary pytest \
    --dest .venv/share "pytest==$version"; then
    tar -xzOf "$sources" "pytest-$version/testing/example_scripts/junit-10.xsd" >.venv/share/junit-10.xsd
    rm "$sources"
else
    say 'The sources of pytest could not be downloaded. Tests of JUnit XML, whose schema they have, will be skipped.'
fi
.venv/bin/python scripts/shebangs.py
