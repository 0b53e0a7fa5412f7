"""`python -m theratrial.cli`."""

from theratrial.cli import main

main()
