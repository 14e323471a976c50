"""What a snapshot fixture does not take is an error that says what it takes."""

CALLS = [
    ("structure_snapshot(tolerance='1%')", "structure_snapshot: unknown keyword 'tolerance'; it takes name"),
    (
        "complexity_snapshot(tolerence='1%')",
        "complexity_snapshot: unknown keyword 'tolerence'; did you mean 'tolerance'?",
    ),
    (
        "heatmap_snapshot(limit=3)",
        "heatmap_snapshot: unknown keyword 'limit'; it takes preset, places, strength, name",
    ),
    (
        "structure_snapshot.with_defaults(strict=True)",
        "structure_snapshot: unknown keyword 'strict'; it takes exclude, include, matcher, extension_class",
    ),
]


def test_an_unknown_keyword_is_named_with_what_is_taken(project):
    tests = [
        f"def test_{number}({call.partition('_')[0]}_snapshot):\n    {call}"
        for number, (call, _) in enumerate(CALLS)
    ]
    result = project.tests("\n\n".join(tests)).run()
    result.assert_outcomes(failed=len(CALLS))
    for _, words in CALLS:
        result.stdout.fnmatch_lines([f"E *LimitError: {words}"])
