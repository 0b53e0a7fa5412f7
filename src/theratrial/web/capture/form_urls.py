"""Addresses of forms, entries and the laboratory import."""

from django.urls import path

from theratrial.web.capture import form_views, laboratory_views

urlpatterns = [
    path("participant/<str:code>/", form_views.participant_forms, name="forms"),
    path("participant/<str:code>/entry/<uuid:group>/", form_views.participant_entry, name="entry"),
    path("participant/<str:code>/form/<str:form>/", form_views.participant_form, name="form-new"),
    path("participant/<str:code>/form/<str:form>/preview/", form_views.participant_preview, name="preview"),
    path("participant/<str:code>/form/<str:form>/<uuid:group>/", form_views.participant_form, name="form-edit"),
    path(
        "participant/<str:code>/form/<str:form>/<uuid:group>/preview/",
        form_views.participant_preview,
        name="preview-stored",
    ),
    path("cameras/", form_views.cameras, name="cameras"),
    path("shared/entry/<uuid:group>/", form_views.shared_entry, name="shared-entry"),
    path("shared/form/<str:form>/", form_views.shared_form, name="shared-form-new"),
    path("shared/form/<str:form>/preview/", form_views.shared_preview, name="shared-preview"),
    path("shared/form/<str:form>/<uuid:group>/", form_views.shared_form, name="shared-form-edit"),
    path("shared/form/<str:form>/<uuid:group>/preview/", form_views.shared_preview, name="shared-preview-stored"),
    path("entry/<uuid:group>/in-error/", form_views.in_error, name="in-error"),
    path("laboratory/", laboratory_views.laboratory_page, name="laboratory"),
]
