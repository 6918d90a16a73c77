"""A model's nodes whatever its format, and which of them are computed in floats when the rest is put into 8 bits."""

from __future__ import annotations

from dataclasses import dataclass

from detector.errors import ExportError


@dataclass(frozen=True)
class Node:
    """weighted: a convolution or matrix product.  takes, makes: tensors by name."""

    name: str
    weighted: bool
    takes: tuple[str, ...]
    makes: tuple[str, ...]


@dataclass(frozen=True)
class Graph:
    """nodes: each after those that it takes from.  given: tensors that no node makes: inputs, constants."""

    nodes: tuple[Node, ...]
    given: frozenset[str]


def split_graph(graph: Graph) -> tuple[list[str], list[str]]:
    """Names of the last nodes with weights, which feed no other such node, and of all nodes after them."""
    needed: set[str] = set()  # tensors that a node with weights computes with
    last, after = [], []
    for node in reversed(graph.nodes):
        feeds = bool(needed & set(node.makes))
        if node.weighted and not feeds:
            last.append(node.name)
        elif not feeds:
            after.append(node.name)
        if feeds or node.weighted:
            needed |= set(node.takes)
    return last, after


def first_nodes(graph: Graph, count: int) -> list[str]:
    """Names of the first `count` nodes with weights and of all that is computed from them and the inputs alone."""
    made = set(graph.given)
    first: list[str] = []
    for node in graph.nodes:
        if node.weighted:
            count -= 1
        if (not node.weighted or count >= 0) and made.issuperset(node.takes):
            made |= set(node.makes)
            first.append(node.name)
    return first


def stay_float(graph: Graph, first: int, heads: bool) -> list[str]:
    """Names of the nodes that stay floats: the `first` with weights, all after the last, and with `heads` these too.

    Raises ExportError where there is nothing with weights, or nothing of it is left.
    """
    last, after = split_graph(graph)
    if not last:
        raise ExportError("the model", "has no convolution or matrix product", "one to quantise")
    named = {*after, *(last if heads else []), *first_nodes(graph, first)}
    if {node.name for node in graph.nodes if node.weighted} <= named:
        raise ExportError(f"--float-first {first}", "leaves nothing to quantise", "fewer convolutions")
    return sorted(named)
