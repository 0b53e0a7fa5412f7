"""Addresses of this app."""

from django.urls import path

from theratrial.web.people import views, views_account, views_issues, views_logs, views_people, views_review

app_name = "people"
urlpatterns = [
    path("sign-in/", views.sign_in, name="sign-in"),
    path("sign-in/code/", views.code, name="code"),
    path("sign-out/", views.sign_out, name="sign-out"),
    path("language/", views.language, name="language"),
    path("prolong/", views.prolong, name="prolong"),
    path("resume/", views.resume, name="resume"),
    path("account/", views_account.account, name="account"),
    path("account/password/", views_account.password, name="password"),
    path("account/device/", views_account.device, name="device"),
    path("account/device/qr.svg", views_account.device_qr, name="device-qr"),
    path("account/sign-out-everywhere/", views_account.everywhere, name="everywhere"),
    path("", views_people.people, name="people"),
    path("open/", views_people.account_open, name="account-open"),
    path("failures/", views_people.failures, name="failures"),
    path("failures/release/", views_people.release, name="release"),
    path("person/<str:username>/", views_people.person, name="person"),
    path("person/<str:username>/role/", views_people.role_grant, name="role-grant"),
    path("role/<int:pk>/end/", views_people.role_end, name="role-end"),
    path("person/<str:username>/account/", views_people.account_state, name="account-state"),
    path("delegation/", views_logs.delegation, name="delegation"),
    path("delegation/authorise/", views_logs.delegation_authorise, name="delegation-authorise"),
    path("delegation/<int:pk>/end/", views_logs.delegation_end, name="delegation-end"),
    path("ethics/", views_logs.ethics, name="ethics"),
    path("ethics/record/", views_logs.ethics_record, name="ethics-record"),
    path("ethics/<int:pk>/withdraw/", views_logs.ethics_withdraw, name="ethics-withdraw"),
    path("who/", views_review.who, name="who"),
    path("matrix/", views_review.matrix_page, name="matrix"),
    path("matrix.csv", views_review.matrix_csv, name="matrix-csv"),
    path("review/", views_review.reviews, name="reviews"),
    path("review/<int:site>/", views_review.review, name="review"),
    path("review/<int:site>/sign/", views_review.review_sign, name="review-sign"),
    path("issues/", views_issues.issues, name="issues"),
    path("issues/report/", views_issues.report, name="issue-report"),
    path("issues/<int:pk>/answer/", views_issues.answer, name="issue-answer"),
    path("issues.csv", views_issues.issues_csv, name="issues-csv"),
]
