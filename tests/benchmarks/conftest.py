"""What pytest leaves alone here: the benchmarks of survey scale and of accuracy are programs that run for long."""

collect_ignore = ["accuracy", "survey_scale"]
