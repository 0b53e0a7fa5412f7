"""Addresses of this app."""

from django.urls import path

from theratrial.web.participants import views

app_name = "participants"
urlpatterns = [
    path("", views.participant_list, name="list"),
    path("register/", views.participant_register, name="register"),
    path("screening-log/", views.screening_log, name="screening-log"),
    path("to-do/", views.screening_log, name="to-do"),
    path("calendar/", views.screening_log, name="calendar"),
    path("<str:code>/", views.participant_detail, name="detail"),
    path("<str:code>/consent/", views.participant_detail, name="consent"),
    path("<str:code>/eligibility/", views.participant_detail, name="eligibility"),
    path("<str:code>/schedule/", views.participant_detail, name="schedule"),
]
