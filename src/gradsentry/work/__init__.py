"""What a scan works on and where: encoded rows, progress, and folders that survive an interrupt."""
