"""Addresses of this app."""

from django.urls import path

from theratrial.web.participants import views, views_consent, views_eligibility

app_name = "participants"
urlpatterns = [
    path("", views.participant_list, name="list"),
    path("register/", views.participant_register, name="register"),
    path("screening-log/", views.screening_log, name="screening-log"),
    path("consent-version/", views_consent.consent_version, name="consent-version"),
    path("to-do/", views.screening_log, name="to-do"),
    path("calendar/", views.screening_log, name="calendar"),
    path("<str:code>/", views.participant_detail, name="detail"),
    path("<str:code>/consent/", views_consent.consent_page, name="consent"),
    path("<str:code>/consent/record/", views_consent.consent_record, name="consent-record"),
    path("<str:code>/consent/withdraw/", views_consent.consent_withdraw, name="consent-withdraw"),
    path("<str:code>/eligibility/", views_eligibility.eligibility_page, name="eligibility"),
    path("<str:code>/eligibility/sign/", views_eligibility.eligibility_sign, name="eligibility-sign"),
    path("<str:code>/selection/", views_eligibility.selection_page, name="selection"),
    path("<str:code>/selection/<uuid:record>/sign/", views_eligibility.selection_sign, name="selection-sign"),
    path("<str:code>/schedule/", views.participant_detail, name="schedule"),
]
