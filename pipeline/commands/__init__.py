"""The command line: the one place in ``pipeline`` that imports ``configs`` and ``stages``.

A sub-command is a module here and a line in ``pipeline.__main__``. What a module imports at its top
must load in milliseconds; ``job`` and ``clip`` are what ``run`` does, and are imported by it late.
"""
