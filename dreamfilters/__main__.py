"""`python -m dreamfilters` runs the command line."""

from dreamfilters.cli import main

if __name__ == "__main__":
    main()
