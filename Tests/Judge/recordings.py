#!/usr/bin/env python3
"""Gathers the recordings that the judge listens to, from Debian packages.

usage: recordings.py FOLDER

Packages are fetched with apt's signatures checked and unpacked below FOLDER, nothing is installed. Leaves
FOLDER/male and FOLDER/female with 16 kHz WAV files and FOLDER/texts.json with the words of those whose words are known.
Needs apt-get, dpkg, sox, ffmpeg (G.722).
"""
import gzip
import json
import pathlib
import re
import subprocess
import sys

PROMPTS = "asterisk-core-sounds-%s"
PACKAGES = [
    # Telephone prompts in wide band: a woman in English (with texts), French, Russian and Spanish, a man in Italian.
    "asterisk-core-sounds-en", *[PROMPTS % language + "-g722" for language in ("en", "fr", "ru", "es", "it")],
    # A man who reads Jane Austen, with texts, and short commands.
    "pocketsphinx-testdata",
    # A woman who names loudspeakers.
    "alsa-utils",
    # Two men's diphones, which can say anything.
    "festival", "libestools2.5", "festlex-cmu", "festlex-poslex", "festvox-kallpc16k", "festvox-kdlpc16k",
    # A woman (slt), an American man (rms) and a Scotsman (awb) who can do so too.
    "flite", "libflite1",
    # An Italian woman (lp) and man (pc), a Finnish woman (lj) and man (mv), a Czech woman (dita) and two men.
    "festlex-ifd", "festvox-italp16k", "festvox-itapc16k",
    "festvox-suopuhe-common", "festvox-suopuhe-lj", "festvox-suopuhe-mv",
    "festival-czech", "festvox-czech-dita", "festvox-czech-machac", "festvox-czech-ph",
]
FLITE = ["slt", "rms", "awb"]
FESTIVAL = {
    "kal": "kal_diphone", "ked": "ked_diphone", "lp": "lp_diphone", "pc": "pc_diphone",
    "lj": "suo_fi_lj_diphone", "mv": "hy_fi_mv_diphone",
    "dita": "czech_dita", "machac": "czech_machac", "ph": "czech_ph",
}
# IEEE Recommended Practice for Speech Quality Measurements (1969), lists 1 and 2: in the public domain.
SENTENCES = """\
The birch canoe slid on the smooth planks. Glue the sheet to the dark blue background.
It is easy to tell the depth of a well. These days a chicken leg is a rare dish.
Rice is often served in round bowls. The juice of lemons makes fine punch.
The box was thrown beside the parked truck. Four hours of steady work faced us.
A large size in stockings is hard to sell. The boy was there when the sun rose.
A rod is used to catch pink salmon. The source of the huge river is the clear spring.""".splitlines()
# Written for the judge, about the same things in three languages. By language: who speaks it, in which encoding.
OTHER_LANGUAGES = {
    (("lp", "pc"), "latin-1"): """\
La nave bianca lascia il porto prima dell'alba. Mio nonno coltiva pomodori e zucchine nel suo orto.
Il treno per Bologna parte fra dieci minuti. Una tazza di latte caldo fa bene la sera.
I bambini corrono felici lungo la spiaggia. Domani compreremo pane fresco e formaggio.
Il vento del nord porta neve sulle montagne. Quella vecchia chiesa ha una campana molto grande.
Le strade del paese sono piene di gente. Un gatto nero dorme sopra la sedia di legno.
Il professore legge ogni giorno tre giornali. La pioggia batte forte contro i vetri della finestra.""",
    (("lj", "mv"), "latin-1"): """\
Vanha vene keinuu hiljaa laiturin vieressä. Isoisä kasvattaa puutarhassa omenoita ja perunoita.
Juna lähtee asemalta kymmenen minuutin kuluttua. Kupillinen kuumaa maitoa tekee hyvää illalla.
Lapset juoksevat iloisesti pitkin rantaa. Huomenna ostamme tuoretta leipää ja juustoa.
Pohjoistuuli tuo lunta korkeille vuorille. Tuossa vanhassa kirkossa on suuri kello.
Kaupungin kadut ovat täynnä ihmisiä. Musta kissa nukkuu puisen tuolin alla.
Opettaja lukee joka päivä kolme lehteä. Sade hakkaa kovaa ikkunan lasiin.""",
    (("dita", "machac", "ph"), "iso-8859-2"): """\
Stará loď se tiše houpe u mola. Dědeček pěstuje na zahradě jablka a brambory.
Vlak odjíždí z nádraží za deset minut. Hrnek teplého mléka udělá večer dobře.
Děti vesele běhají po pláži. Zítra koupíme čerstvý chléb a sýr.
Severní vítr přináší sníh do vysokých hor. V tom starém kostele je velký zvon.
Ulice města jsou plné lidí. Černá kočka spí pod dřevěnou židlí.
Učitel čte každý den troje noviny. Déšť silně buší do skla okna.""",
}


def run(*words, **options):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, **options)
    if done.returncode:
        raise SystemExit("recordings: %s failed: %s" % (words[0], (done.stderr or done.stdout).strip()[-400:]))
    return done.stdout


class Corpus:
    def __init__(self, folder):
        self.folder = folder
        self.unpacked = folder / "packages"
        self.texts = {}

    def fetch(self):
        archives = self.folder / "archives"
        archives.mkdir(parents=True, exist_ok=True)
        for package in PACKAGES:
            mark = self.unpacked / (".%s.done" % package)
            if mark.exists():
                continue
            if not list(archives.glob(package + "_*.deb")):
                print("recordings: fetching", package, flush=True)
                run("apt-get", "download", "-q", package, cwd=archives)
            run("dpkg", "-x", sorted(archives.glob(package + "_*.deb"))[-1], self.unpacked)
            mark.touch()

    def add(self, voice, name, source, *kind, text=None, effects=()):
        target = self.folder / voice / (name + ".wav")
        target.parent.mkdir(parents=True, exist_ok=True)
        if str(source).endswith(".g722"):
            run("ffmpeg", "-v", "error", "-y", "-f", "g722", "-i", source, "-ac", "1", "-ar", "16000", target)
        else:
            sources = source if isinstance(source, list) else [source]
            run("sox", "-D", "-R", *kind, *sources, "-c", "1", "-b", "16", target, *effects, "rate", "16000")
        if text:
            self.texts[name] = text

    def add_prompts(self):
        prompts = self.unpacked / "usr/share/asterisk/sounds"
        listing = self.unpacked / "usr/share/doc/asterisk-core-sounds-en/core-sounds-en.txt.gz"
        lines = gzip.open(listing, "rt", errors="replace").read().splitlines()
        said = dict(match.groups() for match in (re.match(r"([\w/-]+): *(.*)", line) for line in lines) if match)
        for path in evenly(prompts / "en_US_f_Allison", 9, lambda name: plain(said.get(name, ""))):
            self.add("female", "english-" + path.stem, path, text=said[path.stem])
        for name, folder, voice, count in (
            ("french", "fr_CA_f_June", "female", 2), ("russian", "ru_RU_f_IvrvoiceRU", "female", 2),
            ("spanish", "es_MX_f_Allison", "female", 1), ("italian", "it_IT_m_Carlo", "male", 3),
        ):
            for number, path in enumerate(evenly(prompts / folder, count, lambda name: True)):
                self.add(voice, "%s-%d" % (name, number + 1), path)

    def add_readings(self):
        data = self.unpacked / "usr/share/pocketsphinx/test/data"
        for line in (data / "librivox/transcription").read_text().splitlines():
            text, name, number = re.match(r"<s> (.*) </s> \((.*-(\d+))\)", line).groups()
            self.add("male", "reading-" + number, data / "librivox" / (name + ".wav"), text=text)
        raw = ("-t", "raw", "-r", "16000", "-e", "signed", "-b", "16", "-c", "1")
        self.add("male", "command-forward", data / "goforward.raw", *raw, text="go forward ten meters")
        self.add("male", "command-something", data / "something.raw", *raw)

    def add_speakers(self):
        sounds = self.unpacked / "usr/share/sounds/alsa"
        names = ["Front_Center", "Front_Left", "Rear_Right", "Side_Left"]
        self.add(
            "female", "loudspeakers", [sounds / (name + ".wav") for name in names],
            text=" ".join(names).replace("_", " "))

    def add_diphones(self):
        for number, sentence in enumerate(SENTENCES):
            voice = "kal" if number < 4 else "ked"
            self.add("male", "%s-%d" % (voice, number + 1), self.say(voice, sentence), text=sentence)

    def add_same_sentences(self):
        """Synthetic speakers with the same words: what custom voices are judged by."""
        for voice in ["kal", *FLITE]:
            say = self.say_flite if voice in FLITE else self.say
            for number, sentence in enumerate(split(" ".join(SENTENCES))):
                self.add("same/" + voice, "%02d" % (number + 1), say(voice, sentence))
        for (voices, encoding), text in OTHER_LANGUAGES.items():
            for voice in voices:
                for number, sentence in enumerate(split(text)):
                    # They come out at full scale.
                    self.add(
                        "same/" + voice, "%02d" % (number + 1), self.say(voice, sentence, encoding),
                        effects=["gain", "-1"])

    def say_flite(self, voice, sentence):
        libraries = next((self.unpacked / "usr/lib").glob("*/libflite.so*")).parent
        spoken = self.folder / "spoken.wav"
        run(
            self.unpacked / "usr/bin/flite", "-voice", voice, "-t", sentence, "-o", spoken,
            env={"LD_LIBRARY_PATH": str(libraries)})
        return spoken

    def say(self, voice, sentence, encoding="ascii"):
        system = self.unpacked / "usr"
        libraries = next((system / "lib").glob("*/libestools.so*")).parent
        spoken = self.folder / "spoken.wav"
        data = system / "share/festival"
        # The Czech voices look for themselves below /usr unless they are told.
        script = '(defvar czech-%s-unisyn-index "%s/voices/czech/czech_%s/group/%s.group")\n' % (
            voice, data, voice, voice)
        script += '(voice_%s)\n(utt.save.wave (SynthText "%s") "%s" \'riff)\n' % (FESTIVAL[voice], sentence, spoken)
        (self.folder / "say.scm").write_text(script, encoding=encoding)
        run(
            system / "bin/festival", "--datadir", data, "--libdir", data, "-b", self.folder / "say.scm", cwd=data,
            env={"LD_LIBRARY_PATH": str(libraries), "HOME": str(self.folder)})
        return spoken


def split(text):
    return [part.strip() + "." for part in text.replace("\n", " ").split(".") if part.strip()]


def plain(text):
    return re.fullmatch(r"[A-Za-z' ,.]+", text)


def evenly(folder, count, wanted, shortest=3.0, longest=7.0):
    """So many prompts of 3 to 7 s, spread evenly over what there is in the order of their length."""
    # G.722 has 8,000 bytes a second.
    found = [(path.stat().st_size / 8000, path) for path in folder.glob("*.g722") if wanted(path.stem)]
    found = [path for seconds, path in sorted(found) if shortest < seconds < longest]
    return found[:: max(1, len(found) // count)][:count]


def main():
    corpus = Corpus(pathlib.Path(sys.argv[1]).resolve())
    corpus.fetch()
    corpus.add_prompts()
    corpus.add_readings()
    corpus.add_speakers()
    corpus.add_diphones()
    corpus.add_same_sentences()
    (corpus.folder / "texts.json").write_text(json.dumps(corpus.texts, indent=1))
    for voice in ("male", "female"):
        print("recordings: %d %s" % (len(list((corpus.folder / voice).glob("*.wav"))), voice))


if __name__ == "__main__":
    main()
