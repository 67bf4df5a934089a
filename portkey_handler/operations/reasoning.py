"""The reasoning that a model writes into its text before the answer, by the marks of many families."""

from __future__ import annotations

import re

#: How reasoning begins and ends: most, Mistral, Kimi, Seed-OSS, and Cohere, which marks its answer as well.
_BEGIN = re.compile(
    r"\s*(?:<(?:think|thinking|thought|seed:think)>|\[THINK\]|◁think▷|<\|START_THINKING\|>)", re.IGNORECASE
)
_END = re.compile(
    r"</(?:think|thinking|thought|seed:think)>|\[/THINK\]|◁/think▷|<\|END_THINKING\|>", re.IGNORECASE
)
_BEGIN_OF_ANSWER, _END_OF_ANSWER = "<|START_RESPONSE|>", "<|END_RESPONSE|>"
#: gpt-oss: messages on channels, also where a server has dropped the marks between them.
_CHANNELS = re.compile(r"\s*(?:<\|start\|>assistant)?<\|channel\|>")
_FINAL = re.compile(r"<\|channel\|>final\b(?:[^<]|<\|constrain\|>)*<\|message\|>")
_MARK = re.compile(r"<\|(?:start|end|return|call|message|channel)\|>(?:assistant|analysis|commentary)?")
_WITHOUT_MARKS = re.compile(r"analysis(?=[A-Z\s])(?P<thought>.*?)assistantfinal(?P<answer>.*)", re.DOTALL)


def split_reasoning(text: str) -> tuple[str, str | None] | None:
    """Return the reasoning at the beginning of a text, and the answer behind it; None where there is none.

    Models write it between <think> and </think>, and the like. Servers that begin the text with <think>
    themselves leave it out of the reply. An answer of None: the reasoning has no end.
    """
    if _CHANNELS.match(text) is not None:
        return _on_channels(text)
    if text.startswith("analysis") and (found := _WITHOUT_MARKS.fullmatch(text)) is not None:
        return found["thought"].strip(), found["answer"].strip()
    begin = _BEGIN.match(text)
    if begin is None and ("</think" not in text.lower() or "<think" in text.lower()):
        return None
    start = 0 if begin is None else begin.end()
    end = _END.search(text, start)
    if end is None:
        return (text[start:].strip(), None) if begin is not None else None
    answer = text[end.end() :].lstrip().removeprefix(_BEGIN_OF_ANSWER).lstrip()
    if (whole := answer.rstrip()).endswith(_END_OF_ANSWER):
        answer = whole.removesuffix(_END_OF_ANSWER)
    return text[start : end.start()].strip(), answer


def _on_channels(text: str) -> tuple[str, str | None]:
    final = _FINAL.search(text)
    thought = " ".join(_MARK.sub(" ", text if final is None else text[: final.start()]).split())
    return thought, None if final is None else _MARK.sub("", text[final.end() :]).strip()
