"""``python -m ifspace``."""

from ifspace.cli import main

main()
