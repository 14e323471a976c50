#!/usr/bin/env bash
# Runs pytest with the report, against a base where there is one. All inputs come through the environment.
set -euo pipefail

arguments=(--modelcheck-report "--modelcheck-output=${MODELCHECK_OUTPUT:-modelcheck-report}")
if [ -n "${MODELCHECK_BASE:-}" ]; then
  arguments+=("--modelcheck-base=$MODELCHECK_BASE")
fi
while IFS= read -r argument; do
  if [ -n "$argument" ]; then arguments+=("$argument"); fi
done <<<"${MODELCHECK_ARGUMENTS:-}"

exec python -m pytest "${arguments[@]}"
