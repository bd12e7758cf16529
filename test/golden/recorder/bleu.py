"""BLEU of small texts by sacrebleu 2.6: test/golden/bleu.json. Run: pip install sacrebleu==2.6.0; python test/golden/recorder/bleu.py"""

import json
import pathlib

import sacrebleu

cases = [
    [["the cat sat on the mat ."], ["the cat sat on the mat ."]],
    [["the the the the the the the"], ["the cat is on the mat"]],
    [["the cat is on a mat .", "it rains ."], ["the cat is on the mat .", "it is raining today ."]],
    [["he went home after the long day at work", "no"], ["he went home after a long day at work", "no , thanks"]],
    [["we will see what the next day brings us"], ["we will see what the day brings"]],
    [["a b c d a b c d a b"], ["a b c d e a b c d"]],
]


def score(translations, references):
    result = sacrebleu.corpus_bleu(
        translations, [references], tokenize="none", smooth_method="none", use_effective_order=False
    )
    return {"translations": translations, "references": references, "bleu": round(result.score, 6)}


path = pathlib.Path(__file__).parent.parent / "bleu.json"
path.write_text(json.dumps([score(*case) for case in cases], separators=(",", ":")) + "\n")
