"""`python -m earnest` is `earnest`."""

from earnest.cli import main

if __name__ == "__main__":
    main()
