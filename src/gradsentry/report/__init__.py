"""Reports: the verdict in words, the output folder, and the HTML page."""
