"""A card as Markdown: what the file is, how it was made, what it is worth; then what its makers say, word for word."""

from __future__ import annotations

from textwrap import indent
from typing import Any

Card = dict[str, Any]


def card_text(card: Card, about: str) -> str:
    """`about`: Markdown that no program can know: what the data are, what the model is for, what it cannot do."""
    parts = [_head(card), *(_subset(card, name) for name in card["judged"]), about.strip()]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(card: Card) -> str:
    made, stored = card["trained"], card["stored"]
    versions = ", ".join(f"{name} {number}" for name, number in card["versions"].items())
    worth = " and ".join(f"**{one['map50']:.3f}** on {name}" for name, one in card["judged"].items())
    rows = [
        ("file", f"`{card['file']}`, {card['bytes']:,} bytes"),
        ("sha256", f"`{card['sha256']}`"),
        ("network", f"{card['model']}: {card['parameters']:,} parameters, {card['gflops']:.1f} GFLOPs a picture"),
        ("input", f"{card['img_size']} × {card['img_size']} pixels; pictures are letterboxed"),
        ("classes", ", ".join(card["classes"])),
        (
            "stored",
            f"{stored['as']}; mAP@0.5 on val {stored['map50_before']:.4f} before, then {stored['map50_after']:.4f}",
        ),
        ("trained", f"{_epochs(made)}; {made['date']}"),
        ("judged", f"by balanced-detection {card['version']}, commit {card['commit'] or 'unknown'}; {versions}"),
    ]
    table = "\n".join(f"| {name} | {value} |" for name, value in rows)
    return (
        f"# {card['model']}, {card['img_size']} px: mAP@0.5 {worth}\n\n"
        "Written by `detector ship`: figures are measured, not typed. `card.json` holds them all.\n\n"
        f"| | |\n|---|---|\n{table}\n\nTrained by\n\n{indent(made['command'], ' ' * 4)}"
    )


def _epochs(made: Card) -> str:
    if "parts" in made:
        return "the mean of the weights of " + " and ".join(f"epoch {part['epoch']}" for part in made["parts"])
    return f"{made['epochs']} epochs, of which the {made['best_epoch']}. was best on val"


def _subset(card: Card, name: str) -> str:
    one, low_high = card["judged"][name], card["judged"][name]["map50_interval"]
    chosen = "chosen here, which flatters them" if name == "val" else "as chosen on val"
    lines = [
        f"## On {name}: {one['pictures']} pictures",
        "",
        f"`detector evaluate shipped --split {name}`, on the split described below, prints these figures. mAP@0.5 "
        f"{one['map50']:.3f} (95 % of {one['draws']} draws of pictures: {low_high[0]:.3f} to {low_high[1]:.3f}), "
        f"mAP@0.5:0.95 {one['map50_95']:.3f}. Precision, recall and F1 are at the confidences in the table, {chosen}.",
        "",
        "| class | boxes | AP@0.5 | AP@0.5:0.95 | confidence | precision | recall | F1 |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for label, score in one["classes"].items():
        cells = [_n(score["ap50"]), _n(score["ap50_95"]), f"{card['confidence'][label]:.3f}"]
        cells += [_n(score[key]) for key in ("precision", "recall", "f1")]
        lines.append(f"| {label} | {score['truths']} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", _sides(card, one), "", _confusion(card, one)])


def _sides(card: Card, one: Card) -> str:
    head = ["AP@0.5 by side in pixels of the photograph (and how many boxes):", ""]
    head += ["| side | " + " | ".join(card["classes"]) + " |", "|---" * (1 + len(card["classes"])) + "|"]
    rows = []
    for side, found in one["ap50_by_side"].items():
        cells = [f"{_n(found[name])} ({found['truths'][name]})" for name in card["classes"]]
        rows.append(f"| {side} | {' | '.join(cells)} |")
    return "\n".join([*head, *rows])


def _confusion(card: Card, one: Card) -> str:
    names = card["classes"]
    head = [
        "What was taken for what, at those confidences:",
        "",
        f"| there, found as | {' | '.join(names)} | nothing |",
    ]
    head.append("|---" * (2 + len(names)) + "|")
    rows = [f"| {name} | {' | '.join(map(str, row))} |" for name, row in zip(names, one["confusion"], strict=False)]
    rows.append(f"| nothing is there | {' | '.join(map(str, one['confusion'][-1][:-1]))} | |")
    return "\n".join([*head, *rows])


def _n(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
