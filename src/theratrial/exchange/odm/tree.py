"""The state of a subject, or of what belongs to nobody, as the tree that a snapshot is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from theratrial.exchange.odm.layout import Layout
from theratrial.exchange.odm.told import Item, Place, Remark, Told


@dataclass(slots=True)
class RowNode:
    """A row with what is said about it and about its items."""

    place: Place
    items: tuple[Item, ...]
    remarks: list[Remark] = field(default_factory=list)
    about_items: dict[str, list[Remark]] = field(default_factory=dict)

    @property
    def all_items(self) -> tuple[Item, ...]:
        """Its items, and those that only something is said about."""
        there = {item.oid for item in self.items}
        return (*self.items, *(Item(oid, "Context") for oid in self.about_items if oid not in there))


Forms = dict[tuple[str, str], list[RowNode]]


@dataclass(slots=True)
class SubjectTree:
    """A subject under one version of the protocol; without subject what belongs to nobody."""

    version: str
    subject: str
    site: str = ""
    remarks: list[Remark] = field(default_factory=list)
    events: dict[tuple[str, str], Forms] = field(default_factory=dict)
    rows: list[RowNode] = field(default_factory=list)


def subject_trees(told: Iterable[Told], layouts: dict[str, Layout]) -> list[SubjectTree]:
    """The trees of one subject, one for each version of the protocol that she has rows of.

    Parameters
    ----------
    told
        Her site, her rows, then what is said about them, in the order in which all is to stand.
    """
    trees: dict[str, SubjectTree] = {}
    nodes: dict[str, RowNode] = {}
    site = ""
    for one in told:
        place = one.place
        tree = trees.setdefault(place.version, SubjectTree(place.version, place.subject))
        site = one.site or site
        if place.group_key and one.kind != "Context":
            node = nodes[place.group_key] = RowNode(place, one.items)
            tree.rows.append(node)
        elif one.remark is not None:
            node_or_none = nodes.get(place.group_key)
            if node_or_none is None:
                tree.remarks.append(one.remark)
            elif one.remark.item:
                node_or_none.about_items.setdefault(one.remark.item, []).append(one.remark)
            else:
                node_or_none.remarks.append(one.remark)
    found = [tree for tree in trees.values() if tree.rows or tree.remarks]
    for tree in found:
        tree.site = site
        _nested(tree, layouts[tree.version])
    return found


def _nested(tree: SubjectTree, layout: Layout) -> None:
    """Rows below their forms and events, in the order of the protocol; rows of a form in the order given."""
    if not tree.subject:
        return
    events = {oid: number for number, oid in enumerate(layout.events)}
    forms = {oid: number for number, oid in enumerate(layout.forms)}
    tree.rows.sort(key=lambda n: (events[n.place.event], int(n.place.event_key or 0), forms[n.place.form]))
    for node in tree.rows:
        by_form = tree.events.setdefault((node.place.event, node.place.event_key), {})
        by_form.setdefault((node.place.form, node.place.form_key), []).append(node)
