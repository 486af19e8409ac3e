"""The architectures, one readable file each: its paper, its mathematics, its parameter count.

``from pellucid.zoo.lenet import ...``: every file is a module of its own, and nothing is imported
before it is asked for.
"""
