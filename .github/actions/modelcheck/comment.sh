#!/usr/bin/env bash
# Puts a report's summary on its pull request: one comment, replaced each time. For `workflow_run`, where the
# artifact comes from a fork and is hostile: its size is looked at before it is fetched, only report.json in it is
# read, and that against the schema. The pull request is found by what GitHub says, not by what the artifact says.
set -euo pipefail

: "${GH_TOKEN:?}" "${REPOSITORY:?}" "${RUN_ID:?}" "${HEAD_SHA:?}" "${HEAD_OWNER:?}" "${HEAD_BRANCH:?}"
name=${ARTIFACT:-modelcheck-report}
limit=${MAX_BYTES:-20000000}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

gh api "repos/$REPOSITORY/actions/runs/$RUN_ID/artifacts?per_page=100" >"$work/artifacts.json"
artifact=$(NAME=$name jq -r '[.artifacts[] | select(.name == env.NAME)][0] // empty | "\(.id) \(.size_in_bytes)"' "$work/artifacts.json")
if [ -z "$artifact" ]; then
  echo "no artifact $name in run $RUN_ID: nothing to tell"
  exit 0
fi
read -r id size <<<"$artifact"
if [ "$size" -gt "$limit" ]; then
  echo "::error::the artifact holds $size bytes, more than $limit"
  exit 1
fi
gh api "repos/$REPOSITORY/actions/artifacts/$id/zip" >"$work/report.zip"

status=0
python -m pytest_modelcheck summary "$work/report.zip" --marker --max-bytes "$limit" --max-output 60000 \
  >"$work/comment.md" || status=$?
if [ "$status" -gt 1 ]; then exit "$status"; fi  # 1: a check failed, which the run itself has told
# shellcheck disable=SC2016 # Markdown's backticks
printf '\n[The report](%s/%s/actions/runs/%s/artifacts/%s): `index.html` in it has all of this, and pictures.\n' \
  "${GITHUB_SERVER_URL:-https://github.com}" "$REPOSITORY" "$RUN_ID" "$id" >>"$work/comment.md"

number=$(gh api -X GET "repos/$REPOSITORY/pulls" -f state=open -f "head=$HEAD_OWNER:$HEAD_BRANCH" |
  jq -r '[.[] | select(.head.sha == env.HEAD_SHA)][0].number // empty')
if [ -z "$number" ]; then
  echo "no open pull request has the commit $HEAD_SHA: nothing to tell"
  exit 0
fi
comment=$(gh api --paginate "repos/$REPOSITORY/issues/$number/comments?per_page=100" |
  jq -rs '[.[][] | select(.user.type == "Bot" and (.body | startswith("<!-- pytest-modelcheck -->")))][0].id // empty')
if [ -n "$comment" ]; then
  gh api -X PATCH "repos/$REPOSITORY/issues/comments/$comment" -F "body=@$work/comment.md" >/dev/null
else
  gh api -X POST "repos/$REPOSITORY/issues/$number/comments" -F "body=@$work/comment.md" >/dev/null
fi
