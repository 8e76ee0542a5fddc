"""The specs as tables: for people, for programs, and data/README.md."""

from mmsnet_lite.data.specs import MIXES, SPECS, DatasetSpec


def listing() -> list[dict[str, object]]:
    """Return one entry for each dataset, then for each mix; all of them have `name`, `kind`, `train` and `test`."""
    told = ("title", "modality", "target", "page", "licence", "citation", "notes")
    datasets = [
        {
            "name": name,
            "kind": "dataset",
            **spec.counts,
            **{field: getattr(spec, field) for field in told},
            "archives": [{"name": one.name, "urls": one.urls, "sign_in": not one.urls} for one in spec.archives],
        }
        for name, spec in SPECS.items()
    ]
    return [*datasets, *({"name": name, "kind": "mix", "datasets": MIXES[name], **_totals(name)} for name in MIXES)]


def text() -> str:
    """Return the table that `data list` prints."""
    rows = [("name", "dataset", "modality", "target", "train", "test", "sign-in", "page")]
    for spec in SPECS.values():
        counts = (str(spec.counts["train"]), str(spec.counts["test"]))
        rows.append((spec.name, spec.title, spec.modality, spec.target, *counts, _sign_in(spec), spec.page))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    for name, datasets in MIXES.items():
        lines.append("{}: {}, {train} to train and {test} to test".format(name, " + ".join(datasets), **_totals(name)))
    return "\n".join(lines)


def markdown() -> str:
    """Return the part of data/README.md that the specs say."""
    rows = ["| name | dataset | modality, target | train + test | sign-in |", "|---|---|---|---|---|"]
    for spec in SPECS.values():
        rows.append(
            f"| `{spec.name}` | [{spec.title}]({spec.page}) | {spec.modality}, {spec.target} | "
            f"{spec.counts['train']} + {spec.counts['test']} | {_sign_in(spec)} |"
        )
    for name, datasets in MIXES.items():
        rows.append("| **`{}`** | {} | | {train} + {test} | |".format(name, " + ".join(datasets), **_totals(name)))
    for spec in SPECS.values():
        archives = ", ".join(f"[{one.name}]({one.page})" for one in spec.archives)
        rows += ["", f"### {spec.title}", "", f"* Licence: {spec.licence}.", f"* Cite: {spec.citation}."]
        rows += [f"* Archives: {archives}.", *(f"* {note}" for note in spec.notes)]
    return "\n".join(rows) + "\n"


def _sign_in(spec: DatasetSpec) -> str:
    return "no" if all(archive.urls for archive in spec.archives) else "needed"


def _totals(mix: str) -> dict[str, int]:
    return {split: sum(SPECS[name].counts[split] for name in MIXES[mix]) for split in ("train", "test")}
