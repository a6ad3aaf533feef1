"""Takes over a project's table of clinical values, as a whole or not at all."""

from dataclasses import asdict

from django.db import transaction

from annotation.accounts.models import User
from annotation.core import audit
from annotation.core.errors import InvalidInput, NotFound
from annotation.labeling.clinical import InvalidTable, parse_table
from annotation.labeling.models import ClinicalRow, ClinicalTable, Project

ROWS_AT_ONCE = 5000


def replace_table(*, actor: User | None, project: Project, data: bytes) -> ClinicalTable:
    """The CSV file instead of what was there. Raises InvalidInput naming line and column."""
    try:
        parsed = parse_table(data)
    except InvalidTable as error:
        raise InvalidInput(str(error), field="table") from None
    with transaction.atomic():
        _lock(project)
        ClinicalTable.objects.filter(project=project).delete()
        table = ClinicalTable.objects.create(
            project=project, identifier=parsed.identifier, uploaded_by=actor,
            columns=[asdict(column) for column in parsed.columns],
        )  # fmt: skip
        ClinicalRow.objects.bulk_create(
            (ClinicalRow(table=table, key=key, values=row) for key, row in parsed.rows.items()),
            batch_size=ROWS_AT_ONCE,
        )
        audit.record(
            actor=actor, action="clinical_table_replaced", target=table, project_id=project.pk,
            identifier=parsed.identifier, columns=len(parsed.columns), lines=len(parsed.rows),
        )  # fmt: skip
    return table


@transaction.atomic
def delete_table(*, actor: User, project: Project) -> None:
    """Forget the table; what datasets have frozen of it stays with them. Raises NotFound."""
    _lock(project)
    table = ClinicalTable.objects.filter(project=project).first()
    if table is None:
        raise NotFound
    audit.record(actor=actor, action="clinical_table_deleted", target=table, project_id=project.pk)
    table.delete()


def _lock(project: Project) -> None:
    """One change at a time, while claims of the project's cases go on."""
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)
