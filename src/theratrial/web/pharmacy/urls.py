"""Addresses of this app."""

from django.urls import path

from theratrial.web.pharmacy import ledger_views, participant_views, views

app_name = "pharmacy"
urlpatterns = [
    path("", views.batches, name="batches"),
    path("batch/<uuid:pk>/", views.batch, name="batch"),
    path("batch/<uuid:pk>/release/", views.release, name="release"),
    path("batch/<uuid:pk>/withdraw/", views.withdraw, name="withdraw"),
    path("ledger/", ledger_views.ledger, name="ledger"),
    path("participant/<str:code>/", participant_views.participant, name="participant"),
    path("participant/<str:code>/new/", participant_views.new, name="new"),
]
