"""Addresses under ``/images/``."""

from django.urls import path

from theratrial.web.studies import arrival_views, content_views, read_views, series_views, upload_views

app_name = "studies"
urlpatterns = [
    path("", upload_views.index, name="index"),
    path("arrivals/", arrival_views.arrivals, name="arrivals"),
    path("upload/", upload_views.upload_page, name="upload"),
    path("upload/begin/", upload_views.begin, name="upload-begin"),
    path("uploads/<uuid:upload_id>/", upload_views.detail, name="upload-detail"),
    path("uploads/<uuid:upload_id>/have/", upload_views.have, name="upload-have"),
    path("uploads/<uuid:upload_id>/files/", upload_views.files, name="upload-files"),
    path("uploads/<uuid:upload_id>/finish/", upload_views.finish, name="upload-finish"),
    path("uploads/<uuid:upload_id>/cancel/", upload_views.cancel, name="upload-cancel"),
    path("quarantine/", series_views.quarantine, name="quarantine"),
    path("participant/<str:code>/", series_views.participant, name="participant"),
    path("participant/<str:code>/whole-body/<int:session>/", read_views.pair, name="pair"),
    path("participant/<str:code>/whole-body/<int:session>/record/", read_views.record, name="read-record"),
    path("participant/<str:code>/whole-body/<int:session>/sign/", read_views.sign_read, name="read-sign"),
    path("participant/<str:code>/whole-body/<int:session>/planar.json", content_views.planar_manifest, name="planar"),
    path(
        "participant/<str:code>/whole-body/<int:session>/planar-<int:point>.bin",
        content_views.planar_content,
        name="planar-content",
    ),
    path("series/<uuid:series_id>/", series_views.series, name="series"),
    path("series/<uuid:series_id>/assign/", series_views.assign, name="assign"),
    path("series/<uuid:series_id>/set-aside/", series_views.set_aside, name="set-aside"),
    path("series/<uuid:series_id>/check-again/", series_views.check_again, name="check-again"),
    path("series/<uuid:series_id>/volume.json", content_views.volume_manifest, name="volume"),
    path("series/<uuid:series_id>/picture.png", content_views.picture, name="picture"),
    path("series/<uuid:series_id>/volume.nii.gz", content_views.volume_content, {"role": "emission"}, name="emission"),
    path("series/<uuid:series_id>/anatomy.nii.gz", content_views.volume_content, {"role": "anatomy"}, name="anatomy"),
    path("series/<uuid:series_id>/regions.nii.gz", content_views.volume_content, {"role": "regions"}, name="regions"),
    path("series/<uuid:series_id>/mip.bin", content_views.volume_content, {"role": "mip"}, name="mip"),
]
