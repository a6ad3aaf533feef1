"""A frozen dataset never changes: triggers refuse UPDATE and DELETE."""

from django.db import migrations

FORWARD = """
CREATE TRIGGER dataset_immutable BEFORE UPDATE OR DELETE ON datasets_dataset
    FOR EACH ROW EXECUTE FUNCTION firstread_refuse_change();
CREATE TRIGGER dataset_item_immutable BEFORE UPDATE OR DELETE ON datasets_datasetitem
    FOR EACH ROW EXECUTE FUNCTION firstread_refuse_change();
"""
BACKWARD = """
DROP TRIGGER dataset_item_immutable ON datasets_datasetitem;
DROP TRIGGER dataset_immutable ON datasets_dataset;
"""


class Migration(migrations.Migration):
    dependencies = [("datasets", "0001_initial"), ("core", "0002_audit_append_only")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
