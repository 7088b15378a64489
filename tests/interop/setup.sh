#!/bin/sh
# Install what the interoperability tests need: other people's programs, none of them in the
# package. Debian packages need root; without it, their names are printed and the tests that need
# them are skipped. Called again, it does nothing.
set -eu
cd "$(dirname "$0")/../.."
PYTHON="${PYTHON:-.venv/bin/python}"
OHIF_VERSION=3.13.2
CACHE=.cache/interop
missing=""
need() { # need PACKAGE unless the command after it succeeds: programs may come from elsewhere
  package=$1
  shift
  "$@" >/dev/null 2>&1 || missing="$missing $package"
}
need orthanc sh -c 'command -v Orthanc || test -x /usr/sbin/Orthanc'
need orthanc-dicomweb test -e /usr/share/orthanc/plugins/libOrthancDicomWeb.so
need chromium sh -c 'command -v chromium'
need npm sh -c 'command -v npm'
need default-jre-headless sh -c 'command -v java'
need libpixelmed-java test -e /usr/share/java/pixelmed.jar
need dcmtk test -x /usr/bin/storescu
need dicom3tools sh -c 'command -v dciodvfy'
if [ -n "$missing" ] && [ "$(id -u)" != 0 ]; then
  echo "These Debian packages are needed:$missing" >&2
elif [ -n "$missing" ]; then
  # A server that is only tested must not start as a service of this machine.
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod +x "$policy"
    trap 'rm -f "$policy"' EXIT
  fi
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  # shellcheck disable=SC2086  # a list of words is what is wanted
  apt-get install -y -qq --no-install-recommends $missing \
    || echo "Not installed:$missing; the tests that need them are skipped" >&2
fi

"$PYTHON" -c 'import playwright' 2>/dev/null \
  || "$PYTHON" -m uv pip install --quiet --python "$PYTHON" 'playwright>=1.48' \
  || "$PYTHON" -m pip install --quiet 'playwright>=1.48'

if [ ! -f "$CACHE/ohif-$OHIF_VERSION/index.html" ]; then
  mkdir -p "$CACHE"
  ( cd "$CACHE" && npm pack --silent "@ohif/app@$OHIF_VERSION" >/dev/null )
  unpacked="$CACHE/unpacking-$$"
  mkdir -p "$unpacked"
  tar -xzf "$CACHE/ohif-app-$OHIF_VERSION.tgz" -C "$unpacked" package/dist
  rm -rf "$CACHE/ohif-$OHIF_VERSION" "$CACHE/ohif-app-$OHIF_VERSION.tgz"
  mv "$unpacked/package/dist" "$CACHE/ohif-$OHIF_VERSION"
  rm -rf "$unpacked"
fi
