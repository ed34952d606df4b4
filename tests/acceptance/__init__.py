"""The acceptance run: every line of "Must hold", measured on real clips by outside means.

``python -m tests.acceptance --out FOLDER`` runs what is not done yet and prints the table. It
can be stopped at any time and run again. See ``--help``.
"""
