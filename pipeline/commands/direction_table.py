"""What directions do to every label, as a table."""

from typing import Any


def table(figures: list[Any]) -> str:
    """A row a direction, a column a label: its mean change in sigmas of that label."""
    labels = figures[0].labels
    head = ("+k along", *labels, "identity", "around")
    rows = [head]
    for each in figures:
        likeness = "n/a" if each.likeness is None else f"{each.likeness:.2f}"
        changes = [f"{change:+.2f}" for change in each.change]
        name = f"{each.name}={each.strength:+g}"
        if each.rows:
            name += f" rows {','.join(map(str, each.rows))}"
        rows.append((name, *changes, likeness, f"{each.around:.1f}"))
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    lines = [
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    told = (
        f"Mean change over {figures[0].faces} fresh faces, in standard deviations of each label; "
        "around: mean change of R, G and B outside the head, of 255."
    )
    return "\n".join([told, *lines])
