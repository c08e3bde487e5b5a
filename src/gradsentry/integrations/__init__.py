"""Other tools: trainers, data sets, experiment trackers and the Hub. Each is imported when used."""
