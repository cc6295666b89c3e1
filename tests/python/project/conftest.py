import pytest

from .compiled import compiled_project
from .harness import Warehouse


@pytest.fixture(scope="session")
def project():
    return compiled_project()


@pytest.fixture(scope="session")
def warehouse(project):
    warehouse = Warehouse(project)
    yield warehouse
    warehouse.close()
