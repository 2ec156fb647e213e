"""`python -m bot` is `powerbot`."""

from bot import cli

if __name__ == "__main__":
    cli.main()
