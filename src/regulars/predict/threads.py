"""How many threads a sum is added up by: one, on every machine, so that the same rows give the same bits."""

from threadpoolctl import threadpool_limits


def use_one_thread() -> None:
    """One thread for BLAS and OpenMP from here on.

    Called before the first sum, and again in each generator: OpenMP's setting belongs to the thread that asks, and an
    engine may pull rows with a thread of its own. Nobody gives the threads back. dbt trains and scores side by side in
    one process, BLAS has one setting for all of it, and changing it in the middle of somebody's sums changes their last
    bits: with a neighbour that did so, two trainings of four got another version.
    """
    threadpool_limits(limits=1)
