"""Addresses of this app."""

from django.urls import path

from theratrial.web.capture import completeness_views, form_urls, query_views, state_views, verify_views

app_name = "capture"
urlpatterns = [
    *form_urls.urlpatterns,
    path("queries/", query_views.query_list, name="queries"),
    path("queries/<int:number>/", query_views.query_page, name="query"),
    path("queries/<int:number>/step/", query_views.query_step, name="query-step"),
    path("queries/participant/<str:code>/", query_views.participant_queries, name="queries-participant"),
    path("queries/ask/<uuid:record_id>/<str:column>/", query_views.query_ask, name="query-ask"),
    path("queries/ask/<str:code>/", query_views.query_ask_subject, name="query-ask-subject"),
    path("verification/", verify_views.verification_list, name="verify"),
    path("verification/<str:code>/", verify_views.verification_page, name="verify-participant"),
    path("locks/", state_views.state_list, name="locks"),
    path("locks/trial/", state_views.trial_state, name="locks-trial"),
    path("locks/participant/<str:code>/", state_views.participant_state, name="locks-participant"),
    path("locks/move/", state_views.state_move, name="locks-move"),
    path("locks/request/", state_views.unlock_request, name="locks-request"),
    path("locks/decide/<int:number>/", state_views.request_decide, name="locks-decide"),
    path("locks/endorse/", state_views.endorse, name="locks-endorse"),
    path("completeness/", completeness_views.matrix, name="completeness"),
    path("completeness/csv/", completeness_views.matrix_csv, name="completeness-csv"),
    path(
        "completeness/participant/<str:code>/", completeness_views.participant_matrix, name="completeness-participant"
    ),
]
