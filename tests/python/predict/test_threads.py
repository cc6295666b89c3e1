"""Sums are added up by one thread, and nobody who leaves gives the others their threads back."""

from threading import Thread

import numpy  # noqa: F401  (with it BLAS is there)
import sklearn.ensemble  # noqa: F401  (and OpenMP)
from threadpoolctl import threadpool_info, threadpool_limits

from regulars.predict.threads import use_one_thread


def threads() -> set[int]:
    return {pool["num_threads"] for pool in threadpool_info()}


def test_one_thread_is_one_thread_in_every_library() -> None:
    # Two to begin with, also where the machine or its environment allow one only.
    with threadpool_limits(limits=2):
        assert 2 in threads()
        use_one_thread()
        assert threads() == {1}


def test_a_neighbour_who_comes_and_goes_leaves_one_thread_behind() -> None:
    with threadpool_limits(limits=2):
        use_one_thread()
        neighbour = Thread(target=use_one_thread)
        neighbour.start()
        neighbour.join()
        assert threads() == {1}
