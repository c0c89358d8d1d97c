"""What the report plays and shows of a clip."""

from gridkit.evaluation.report.media import corpus_media


def test_media_of_a_clip(tones):
    media = corpus_media(tones, lambda clip: None, "lipnet")(tones.ids[3])
    assert media.prediction is None
    assert media.reference.shape == (48_000,)
    assert media.crop_mp4 == tones.corpus.row(tones.ids[3], ["crop_lipnet"])["crop_lipnet"]["bytes"]
