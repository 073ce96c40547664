#!/usr/bin/env bash
# check_packages.sh FOLDER: installs the Debian packages in FOLDER with apt in a fresh system and uses them. The system is
# made by debootstrap, of the release and from the mirror that this machine's apt uses. Needs root and the mirror.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
packages=$(cd "$1" && pwd)

skip() {
  echo "[skipped] $*"
  exit 0
}
[[ $(id -u) == 0 ]] || skip "a fresh system is made by root"
command -v debootstrap >/dev/null || skip "debootstrap is not there"
release=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' "Release: $release" | head -n 1)
[[ -n $mirror ]] || skip "apt has no mirror of '$release'"

system=$(mktemp -d)
log=$system.log
trap 'rm -rf --one-file-system "$system" "$log"' EXIT
step() {
  local started=$SECONDS what=$1
  shift
  "$@" >"$log" 2>&1 || { cat "$log"; echo "check_packages: $what failed" >&2; exit 1; }
  echo "$what: $((SECONDS - started)) s"
}
inside() { LC_ALL=C DEBIAN_FRONTEND=noninteractive chroot "$system" "$@"; }
fail() {
  echo "check_packages: $*" >&2
  exit 1
}
# expect PATTERN COMMAND...: what a command inside prints.
expect() {
  local pattern=$1 output
  shift
  output=$(inside "$@" 2>&1) || fail "$* failed: $output"
  [[ $output =~ $pattern ]] || fail "$* printed, instead of '$pattern': $output"
}

step "a fresh $release" debootstrap --variant=minbase "$release" "$system" "$mirror"
mkdir "$system/packages" "$system/check"
cp "$packages"/*.deb "$system/packages"
cp -r "$here/tests/consumer/CMakeLists.txt" "$here/tests/consumer/consumer.cpp" "$here/tests/c/c_interface_test.c" \
  "$here/models/cifar10_resnet20b.nrw" "$here/models/demo" "$system/check"
install() { step "installing $1" inside sh -c "apt-get install -y --no-install-recommends /packages/$1_*.deb"; }

# The runtime brings no library of the quantizer.
install 'libnarrow0*'
inside dpkg-query -W -f '${Package}\n' | grep -Eq 'dnnl|zip4' && fail "the runtime depends on libraries of the quantizer"
expect 'libnarrow\.so\.' ldconfig -p

# apt finds what the command needs.
install narrow
expect '^narrow [0-9]+\.[0-9]+\.[0-9]+' narrow version
expect '% +truck' narrow classify --top 1 /check/demo/truck_drawn.ppm
expect '8-bit' narrow inspect /check/cifar10_resnet20b.nrw
for path in /usr/share/man/man1/narrow-classify.1.gz /usr/share/bash-completion/completions/narrow \
  /usr/share/doc/narrow/copyright /usr/share/doc/narrow/notices/eigen3; do
  [[ -s $system$path ]] || fail "$path is not installed"
done

# A product is built against the development files, by CMake and by pkg-config. Libraries of the quantizer are not asked for.
step "installing a compiler" inside apt-get install -y --no-install-recommends g++ make cmake pkg-config
step "installing libnarrow-dev" inside sh -c 'apt-get install -y --no-install-recommends /packages/libnarrow-*.deb'
step "building a product with CMake" inside sh -c 'cmake -S /check -B /check/build && cmake --build /check/build'
expect '^class [0-9]+ of 10, ' /check/build/consumer /check/cifar10_resnet20b.nrw
expect 'libnarrow\.so\.' ldd /check/build/consumer
step "building a C program with pkg-config" inside sh -c \
  'cc -std=c99 /check/c_interface_test.c -o /check/c_program $(pkg-config --cflags --libs narrow) -lm'
step "running the C program" inside /check/c_program /check/cifar10_resnet20b.nrw
# The library that quantizes is found and linked without its own development files.
sed 's/COMPONENTS runtime/COMPONENTS narrow/; s/narrow::runtime/narrow::narrow/' "$here/tests/consumer/CMakeLists.txt" \
  >"$system/check/CMakeLists.txt"
step "building a product that quantizes" inside sh -c 'cmake -S /check -B /check/full && cmake --build /check/full'
expect '^class [0-9]+ of 10, ' /check/full/consumer /check/cifar10_resnet20b.nrw

# Nothing stays.
step "removing" inside sh -c 'apt-get purge -y narrow libnarrow-dev "libnarrow0*" "libnarrow-full*"'
rest=$(find "$system/usr" "$system/etc" -name 'narrow*' -o -name 'libnarrow*' -o -name '_narrow')
[[ -z $rest ]] || fail "left behind: $rest"
echo "1 passed, 0 failed"
