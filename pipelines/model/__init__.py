"""Building models from classified points: outlines given or derived, prisms of LoD1.2, each a checked solid."""
