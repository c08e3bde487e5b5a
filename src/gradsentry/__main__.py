"""`python -m gradsentry`."""

from gradsentry.cli import main

main()
