"""What pytest leaves alone here: the benchmark of survey scale is a program that runs for an hour."""

collect_ignore = ["survey_scale"]
