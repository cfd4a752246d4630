"""Ten ways to ask, written down before any of them was scored, to see whether a score without labels finds
the good ones. The first is what people write first; the others change one or two things at a time.
"""

from __future__ import annotations

from engine.prompts.template import Template

_LETTERS = "{% for option in options -%}\n{{ option.letter }}. {{ option.name }}\n{% endfor %}"
_LETTERS_DEFINED = ("{% for option in options -%}\n{{ option.letter }}. {{ option.name }}: "
                    "{{ option.definition }}\n{% endfor %}")
_DEFINED = "{% for option in options -%}\n- {{ option.name }}: {{ option.definition }}\n{% endfor %}"
_NAMES = '{% for option in options %}{{ option.name }}{{ ", " if not loop.last else "." }}{% endfor %}'
_ANALYST = "You are a crisis analyst sorting incoming messages.\n\n"

BASELINE = Template(
    id="plain-letters", answer="letter",
    text="{{ question }}\n" + _LETTERS + "\nMessage: {{ document }}\n\nAnswer with the letter only.")

CANDIDATES: tuple[Template, ...] = (
    BASELINE,
    Template(id="plain-letters-defined", answer="letter",
             text="{{ question }}\n" + _LETTERS_DEFINED +
                  "\nMessage: {{ document }}\n\nAnswer with the letter only."),
    Template(id="message-first-letters", answer="letter",
             text=_ANALYST + "Message: {{ document }}\n\n{{ question }}\n" + _LETTERS +
                  "\nAnswer with the letter only."),
    Template(id="message-first-letters-defined", answer="letter",
             text=_ANALYST + "Message: {{ document }}\n\n{{ question }}\n" + _LETTERS_DEFINED +
                  "\nAnswer with the letter only."),
    Template(id="message-first-words", answer="word", opening="Category:",
             text="Message: {{ document }}\n\n{{ question }} Categories: " + _NAMES),
    Template(id="message-first-words-defined", answer="word", opening="Category:",
             text=_ANALYST + "Message: {{ document }}\n\n{{ question }}\n" + _DEFINED),
    Template(id="definitions-first-words", answer="word", opening="Category:",
             text=_ANALYST + "{{ question }}\n" + _DEFINED + "\nMessage: {{ document }}"),
    Template(id="terse-words", answer="word", opening="Topic:",
             text="{{ document }}\n\nTopic, one of: " + _NAMES),
    Template(id="open-words", answer="word", opening="Answer:",
             text="Message: {{ document }}\n\n{{ question }} Answer in one or two words."),
    Template(id="asked-twice-words", answer="word", opening="Category:",
             text="{{ question }}\n\nMessage: {{ document }}\n\n{{ question }}\n" + _DEFINED),
)
