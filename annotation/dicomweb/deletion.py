"""DELETE on studies, series and instances: not in the standard, but what clients send."""

from django.http import HttpResponse

from annotation.dicomweb.gate import Scope, dicomweb
from annotation.labeling.services import deletion


@dicomweb
def delete_study(scope: Scope, study_uid: str) -> HttpResponse:
    study = scope.study(study_uid)
    deletion.delete_study(actor=scope.user, study=study)
    return HttpResponse(status=204)


@dicomweb
def delete_series(scope: Scope, study_uid: str, series_uid: str) -> HttpResponse:
    series = scope.series(study_uid, series_uid)
    deletion.delete_series(actor=scope.user, series=series)
    return HttpResponse(status=204)


@dicomweb
def delete_instance(
    scope: Scope, study_uid: str, series_uid: str, instance_uid: str
) -> HttpResponse:
    instance = scope.instance(study_uid, series_uid, instance_uid)
    deletion.delete_instance(actor=scope.user, instance=instance)
    return HttpResponse(status=204)
