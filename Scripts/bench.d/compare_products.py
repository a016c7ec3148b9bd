"""Bare matrix products: Summand's, MKL's and OpenBLAS's in turns, and the machine's multiply-adds."""

import array

import harness
import works
from compare import LIMIT, Row, agree, say
from harness import Worker, alternate, median

PROGRAM = ".build/bench/release/products"


def measure_products(peers, limits, folder, rounds):
    ours = Worker([PROGRAM, harness.threads(), folder])
    against = [p for p in (works.MKL, works.OPENBLAS) if peers.has(p)]
    try:
        return [
            row
            for product in works.PRODUCTS
            for row in measure_product(product, ours, peers, against, limits, folder, rounds)
        ]
    finally:
        ours.close()


def measure_product(product, ours, peers, against, limits, folder, rounds):
    title = (
        f"matrix product, {product.kind}, {product.rows} × {product.columns}"
        f" by {product.columns} × {product.outputs}"
    )
    say(title)
    ask = lambda: float(ours.say(product.request))
    ask()  # leaves what was multiplied in the folder
    gaps = [verify(title, product, p, peers, folder) for p in against]
    turns = [ask] + [lambda p=p: peers.get(p).ask(product.name, 0.1) for p in against]
    times = [median(t) for t in alternate(turns, rounds)]
    limits.measure()

    faster, share = product.targets
    rows = [
        Row(title, peer, times[0], seconds, faster, gap)
        for peer, seconds, gap in zip(against, times[1:], gaps)
    ]
    if limits.fma:
        ideal = product.operations / limits.fma
        rows.append(Row(title, LIMIT, times[0], ideal, share, unit="%"))
    return rows or [Row(title, "", times[0])]


def verify(title, product, peer, peers, folder):
    """As a share of the largest element: each element is a sum of hundreds, in another order."""
    wanted = array.array("f", (folder / f"{product.name}.out").read_bytes())
    scale = max(map(abs, wanted))
    found = peers.get(peer).check(product.name)
    return agree(
        title,
        peer,
        [x / scale for x in found],
        [x / scale for x in wanted],
        works.PRODUCT_TOLERANCE,
    )
