"""Routes of the learning engine, below /api/v1/."""

from django.urls import path

from learning.api import (
    bundles,
    cross_validations,
    explanations,
    heads,
    models,
    scorings,
    starts,
    targets,
    uses,
    views,
)

urlpatterns = [
    path("projects/<uuid:project_id>/targets", targets.TargetsView.as_view(), name="targets"),
    path(
        "projects/<uuid:project_id>/learnables",
        targets.LearnablesView.as_view(),
        name="learnables",
    ),
    path(
        "projects/<uuid:project_id>/learnable-columns",
        targets.LearnableColumnsView.as_view(),
        name="learnable-columns",
    ),
    path("recipe-options", targets.RecipeOptionsView.as_view(), name="recipe-options"),
    path("targets/<uuid:target_id>", targets.TargetView.as_view(), name="target"),
    path("targets/<uuid:target_id>/rounds", views.RoundsView.as_view(), name="rounds"),
    path("targets/<uuid:target_id>/scoring", scorings.ScoringView.as_view(), name="scoring"),
    path(
        "targets/<uuid:target_id>/learning-curve",
        views.LearningCurveView.as_view(),
        name="learning-curve",
    ),
    path(
        "targets/<uuid:target_id>/learning-curves",
        views.LearningCurvesView.as_view(),
        name="learning-curves",
    ),
    path(
        "targets/<uuid:target_id>/model-versions",
        views.ModelVersionsView.as_view(),
        name="model-versions",
    ),
    path("targets/<uuid:target_id>/heads", heads.HeadsView.as_view(), name="heads"),
    path(
        "targets/<uuid:target_id>/honest-figures",
        heads.HonestFiguresView.as_view(),
        name="honest-figures",
    ),
    path("projects/<uuid:project_id>/encoders", heads.EncodersView.as_view(), name="encoders"),
    path(
        "encoders/<uuid:encoder_id>/cancellation",
        heads.EncoderCancellationView.as_view(),
        name="encoder-cancellation",
    ),
    path("cases/<uuid:case_id>/similar", heads.SimilarCasesView.as_view(), name="similar-cases"),
    path(
        "cases/<uuid:case_id>/explanations",
        explanations.CaseExplanationsView.as_view(),
        name="case-explanations",
    ),
    path(
        "cases/<uuid:case_id>/neighbours",
        explanations.NeighboursView.as_view(),
        name="neighbours",
    ),
    path(
        "explanations/<uuid:explanation_id>",
        explanations.ExplanationView.as_view(),
        name="explanation",
    ),
    path(
        "explanations/<uuid:explanation_id>/map",
        explanations.ExplanationMapView.as_view(),
        name="explanation-map",
    ),
    path(
        "datasets/<uuid:dataset_id>/uses",
        uses.DatasetUsesView.as_view(),
        name="dataset-uses",
    ),
    path("rounds/<uuid:round_id>", views.RoundView.as_view(), name="round"),
    path(
        "rounds/<uuid:round_id>/cancellation",
        views.CancellationView.as_view(),
        name="round-cancellation",
    ),
    path("rounds/<uuid:round_id>/pause", views.PauseView.as_view(), name="round-pause"),
    path(
        "model-versions/<uuid:model_version_id>",
        models.ModelVersionView.as_view(),
        name="model-version",
    ),
    path(
        "model-versions/<uuid:model_version_id>/subgroups",
        models.SubgroupsView.as_view(),
        name="model-subgroups",
    ),
    path(
        "model-versions/<uuid:model_version_id>/drift",
        models.DriftView.as_view(),
        name="model-drift",
    ),
    path(
        "model-versions/<uuid:model_version_id>/comparison",
        models.ComparisonView.as_view(),
        name="model-comparison",
    ),
    path(
        "model-versions/<uuid:model_version_id>/card",
        models.CardView.as_view(),
        name="model-card",
    ),
    path(
        "model-versions/<uuid:model_version_id>/card.md",
        models.CardTextView.as_view(),
        name="model-card-text",
    ),
    path(
        "model-versions/<uuid:model_version_id>/promotion",
        views.PromotionView.as_view(),
        name="promotion",
    ),
    path(
        "model-versions/<uuid:model_version_id>/bundle-exports",
        bundles.BundleExportsView.as_view(),
        name="bundle-exports",
    ),
    path(
        "bundle-exports/<uuid:bundle_export_id>",
        bundles.BundleExportView.as_view(),
        name="bundle-export",
    ),
    path(
        "bundle-exports/<uuid:bundle_export_id>/file",
        bundles.BundleFileView.as_view(),
        name="bundle-file",
    ),
    path(
        "targets/<uuid:target_id>/bundle-imports",
        bundles.BundleImportsView.as_view(),
        name="bundle-imports",
    ),
    path("targets/<uuid:target_id>/starts", starts.StartsView.as_view(), name="starts"),
    path(
        "targets/<uuid:target_id>/pretrainings",
        starts.PretrainingsView.as_view(),
        name="pretrainings",
    ),
    path(
        "pretrainings/<uuid:pretraining_id>/cancellation",
        starts.PretrainingCancellationView.as_view(),
        name="pretraining-cancellation",
    ),
    path(
        "targets/<uuid:target_id>/cross-validations",
        cross_validations.CrossValidationsView.as_view(),
        name="cross-validations",
    ),
    path(
        "cross-validations/<uuid:cross_validation_id>/cancellation",
        cross_validations.CrossValidationCancellationView.as_view(),
        name="cross-validation-cancellation",
    ),
]
