#!/usr/bin/env bash
# What a GPU does with every network, as one Markdown table, within ten minutes. Give --dry to try it without a GPU, and
# --help for the rest.
exec "$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/run" python tests/benchmarks/gpu.py "$@"
