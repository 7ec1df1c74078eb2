"""Word errors of a small, fixed recogniser (pocketsphinx): how much harder a conversion is to understand.

A recogniser may change a word where nobody hears a difference, which moves the figure of a few hundred words by several
per cent. So every recording is heard in five variants that sound alike, and the errors of all of them are counted.
"""
import math
import pathlib
import re
import tempfile

import numpy as np


VARIANTS = 5
# A fifth of the recogniser's frame of 10 ms.
SHIFT = 32
# Beside a peak of 0.6.
NOISE_DECIBELS = -66


def words(text):
    return re.sub(r"[^a-z' ]", " ", text.lower()).split()


class Recogniser:
    """Two decoders: the general language model, and a vocabulary closed over the corpus, every word as likely."""

    def __init__(self, texts):
        from pocketsphinx import Decoder, get_model_path

        dictionary = pathlib.Path(get_model_path(), "en-us/cmudict-en-us.dict").read_text()
        known = {line.split()[0] for line in dictionary.splitlines()}
        vocabulary = sorted({word for text in texts for word in words(text)} & known)
        share = -math.log10(len(vocabulary) + 1)
        lines = ["\\data\\", "ngram 1=%d" % (len(vocabulary) + 2), "", "\\1-grams:", "%.4f </s>" % share, "-99 <s>"]
        lines += ["%.4f %s" % (share, word) for word in vocabulary] + ["", "\\end\\", ""]
        self.folder = tempfile.TemporaryDirectory()
        model = pathlib.Path(self.folder.name, "closed.arpa")
        model.write_text("\n".join(lines))
        self.decoders = {
            "default": Decoder(samprate=16000, loglevel="FATAL"),
            "closed": Decoder(samprate=16000, lm=str(model), loglevel="FATAL"),
        }

    def hear(self, samples, model):
        decoder = self.decoders[model]
        decoder.start_utt()
        decoder.process_raw((np.clip(samples, -1, 1) * 32767).astype(np.int16).tobytes(), full_utt=True)
        decoder.end_utt()
        heard = decoder.hyp()
        return heard.hypstr if heard else ""

    def errors(self, samples, text):
        """Wrong, missing and added words by model, of each variant and of all, and how many words there were in all."""
        said = words(text)
        counts = {"words": VARIANTS * len(said)}
        for model in self.decoders:
            each = [edits(said, words(self.hear(variant(samples, number), model))) for number in range(VARIANTS)]
            counts["wrong_" + model], counts["wrong_%s_each" % model] = sum(each), each
        return counts


def variant(samples, number):
    """The recording at one level, as loudness is judged elsewhere, a fraction of a frame later and in faint noise."""
    samples = samples * (0.6 / max(1e-6, np.abs(samples).max()))
    noise = np.random.default_rng(number).standard_normal(SHIFT * number + len(samples))
    return np.concatenate([np.zeros(SHIFT * number), samples]) + 0.6 * 10 ** (NOISE_DECIBELS / 20) * noise


def edits(said, heard):
    """The fewest exchanges, deletions and insertions from one list to the other."""
    row = list(range(len(heard) + 1))
    for number, word in enumerate(said, 1):
        last, row = row, [number]
        for place, other in enumerate(heard, 1):
            row.append(min(last[place] + 1, row[-1] + 1, last[place - 1] + (word != other)))
    return row[-1]
