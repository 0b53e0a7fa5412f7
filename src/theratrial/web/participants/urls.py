"""Addresses of this app."""

from django.urls import path

from theratrial.web.participants import views, views_consent, views_eligibility, views_schedule

app_name = "participants"
urlpatterns = [
    path("", views.participant_list, name="list"),
    path("register/", views.participant_register, name="register"),
    path("screening-log/", views.screening_log, name="screening-log"),
    path("consent-version/", views_consent.consent_version, name="consent-version"),
    path("to-do/", views_schedule.to_do, name="to-do"),
    path("calendar/", views_schedule.calendar, name="calendar"),
    path("worksheets/<str:visit>/", views_schedule.blank_worksheet, name="blank-worksheet"),
    path("<str:code>/", views.participant_detail, name="detail"),
    path("<str:code>/consent/", views_consent.consent_page, name="consent"),
    path("<str:code>/consent/record/", views_consent.consent_record, name="consent-record"),
    path("<str:code>/consent/withdraw/", views_consent.consent_withdraw, name="consent-withdraw"),
    path("<str:code>/eligibility/", views_eligibility.eligibility_page, name="eligibility"),
    path("<str:code>/eligibility/sign/", views_eligibility.eligibility_sign, name="eligibility-sign"),
    path("<str:code>/selection/", views_eligibility.selection_page, name="selection"),
    path("<str:code>/selection/<uuid:record>/sign/", views_eligibility.selection_sign, name="selection-sign"),
    path("<str:code>/schedule/", views_schedule.schedule_page, name="schedule"),
    path("<str:code>/schedule/<str:kind>/<str:thing>/<int:session>/", views_schedule.visit_record, name="visit"),
    path("<str:code>/worksheets/<str:visit>/<int:session>/", views_schedule.worksheet, name="worksheet"),
]
