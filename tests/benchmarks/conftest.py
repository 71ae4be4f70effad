"""What pytest leaves alone here: the benchmarks of survey scale, accuracy and models are programs that run for long."""

collect_ignore = ["accuracy", "models", "survey_scale"]
