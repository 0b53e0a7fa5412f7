"""`python -m theratrial`: the same as the command `theratrial`."""

from theratrial.cli import main

main()
