#!/usr/bin/env bash
# What a GPU does with every network, as one Markdown table, within ten minutes. Give --dry to try it without a GPU, and
# --help for the rest.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
exec "$root/run" python "$root/tests/benchmarks/gpu.py" "$@"
