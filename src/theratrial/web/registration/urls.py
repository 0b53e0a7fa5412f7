"""Addresses of this app."""

from django.urls import path

from theratrial.web.registration import views, views_edit, views_files, views_history, views_owed, views_results

app_name = "registration"
urlpatterns = [
    path("", views.record, name="record"),
    path("versions/<int:number>/", views.record, name="version"),
    path("record.css", views.style, name="style"),
    path("check/", views.check, name="check"),
    path("owed/", views_owed.owed, name="owed"),
    path("owed/take/", views_owed.take, name="take"),
    path("history/", views_history.history, name="history"),
    path("history/<int:old>/<int:new>/", views_history.difference, name="difference"),
    path("versions/<int:number>/sent/", views_history.sent, name="sent"),
    path("files/", views_files.files, name="files"),
    path("files/export/", views_files.export, name="export"),
    path("files/import/", views_files.take_in, name="import"),
    path("results/", views_results.results, name="results"),
    path("results/download/", views_results.download, name="results-download"),
    path("results/take/", views_results.take, name="results-take"),
    path("results/plain.css", views_results.style, name="results-style"),
    path("edit/", views_edit.edit, name="edit"),
    path("edit/draft/", views_edit.draft, name="draft"),
    path("edit/discard/", views_edit.discard, name="discard"),
    path("edit/preview/", views_edit.preview, name="preview"),
    path("edit/sign/", views_edit.sign, name="sign"),
    path("edit/rebase/", views_edit.rebase, name="rebase"),
]
