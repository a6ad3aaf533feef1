"""The order in which everything that a target's models write locks its rows.

First the job that writes, then the target, then cases (in the order of their ids: see labeling's
`ranking`). Two that took target and cases the other way round would wait for each other.
"""

from uuid import UUID

from django.db import OperationalError, transaction
from psycopg.errors import LockNotAvailable

from annotation.core.errors import Conflict
from learning.models import Target


def lock_versions(target_id: UUID) -> None:
    """Let nobody else make, promote or rank by versions of the target until the transaction ends."""
    Target.objects.select_for_update(no_key=True).get(pk=target_id)


def lock_versions_if_free(target_id: UUID) -> bool:
    """The same without waiting; whether nobody else holds them."""
    rows = Target.objects.select_for_update(no_key=True, skip_locked=True)
    return rows.filter(pk=target_id).first() is not None


def lock_versions_or_refuse(target_id: UUID) -> None:
    """The same for a request: raises Conflict where another holds them longer than `lock_timeout` says."""
    try:
        with transaction.atomic():
            lock_versions(target_id)
    except OperationalError as error:
        if not isinstance(error.__cause__, LockNotAvailable):
            raise
        raise Conflict(
            "The models of this target are being changed; try again in a minute."
        ) from error
