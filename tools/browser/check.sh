#!/usr/bin/env bash
# Writes the coverage matrix of the fixture modules as HTML and checks the page in headless Chromium.
#
#   check.sh [--screenshots DIR]

set -eu
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
npx tsx -C @kelp/source tools/start/src/start.ts --format html >"$folder/matrix.html"
npx tsx -C @kelp/source tools/browser/src/check.ts "$folder/matrix.html" "$@"
