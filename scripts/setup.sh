# Sourced by ./quickstart and ./test: installs what is missing, configures and builds. Debian 12 or a system alike.
build_packages="g++ cmake ninja-build pkg-config libfmt-dev libspdlog-dev nlohmann-json3-dev libtomlplusplus-dev
  libcli11-dev libssl-dev libsqlite3-dev libpqxx-dev libcurl4-openssl-dev libhdf5-dev libhwy-dev libeigen3-dev libzip-dev zlib1g-dev libdnnl-dev
  libonnx-dev libprotobuf-dev protobuf-compiler"
test_packages="libgtest-dev"
peer_packages="python3-torch libtorch-dev python3-numpy python3-optuna python3-psycopg2 postgresql-15 dataset-fashion-mnist
  python3-onnx"
# npm comes with some packages of nodejs and conflicts with others: asked for only where there is none.
command -v npm >/dev/null || peer_packages="$peer_packages nodejs npm"

say() { printf '%s\n' "$*"; }

# Prints those of the packages that are not installed.
missing_packages() {
  for package in "$@"; do
    [ "$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null)" = "install ok installed" ] || printf '%s ' "$package"
  done
}

cannot_install() {
  say "$1"
  say "lathe needs these packages of Debian 12 (or their like elsewhere):"
  say "  $(echo $2)"
  say "Install them, then build by hand:"
  say "  cmake -S . -B build -G Ninja && cmake --build build"
  exit 1
}

# install_packages PACKAGE...: installs what is missing with apt-get; says which; does nothing when all are there.
install_packages() {
  command -v dpkg-query >/dev/null && command -v apt-get >/dev/null ||
    cannot_install "This system has no apt-get." "$*"
  missing=$(missing_packages "$@")
  [ -n "$missing" ] || return 0
  as_root=
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null && sudo -v ||
      cannot_install "Missing: $missing
You are not root and sudo does not let you install them." "$*"
    as_root=sudo
  fi
  say "Installing: $missing"
  log=$(mktemp)
  if ! { $as_root apt-get update && $as_root env DEBIAN_FRONTEND=noninteractive \
         apt-get install -y --no-install-recommends $missing; } >"$log" 2>&1; then
    tail -n 20 "$log"
    cannot_install "apt-get could not install them (its last lines are above)." "$*"
  fi
  rm -f "$log"
}

# Shows how far build.log is, [n/m], until process $1 ends: in place on a terminal, else a line every 30 seconds.
show_progress() {
  waited=0
  while kill -0 "$1" 2>/dev/null; do
    sleep 1
    waited=$((waited + 1))
    [ -t 1 ] || [ $((waited % 30)) = 0 ] || continue
    step=$(tail -c 4096 build.log | tr '\r' '\n' | grep -o '^\[[0-9]*/[0-9]*\]' | tail -n 1) || continue
    if [ -t 1 ]; then printf '\r%s ' "$step"; else say "$step"; fi
  done
  [ ! -t 1 ] || printf '\r\033[K'
}

# build_tree TESTS(ON|OFF) TARGET...: configures ./build and builds the targets.
build_tree() {
  tests=$1
  shift
  say "Building in build/ ..."
  {
    cmake -S . -B build -G Ninja -DCMAKE_BUILD_TYPE=Release -DLATHE_BUILD_TESTS="$tests" >build.log 2>&1 &&
      exec cmake --build build --target "$@" >>build.log 2>&1
  } &
  builder=$!
  trap 'kill "$builder" 2>/dev/null; exit 130' INT TERM
  show_progress "$builder"
  wait "$builder" || {
    tail -n 40 build.log
    say "The build failed; all of its output is in build.log."
    exit 1
  }
  trap - INT TERM
}
