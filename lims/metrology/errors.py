"""The one kind of error this room raises."""


class MetrologyError(ValueError):
    """A refusal with a stable ``code`` and a sentence for a person.

    ``template`` is the English sentence with ``%(name)s`` places and ``facts`` fills them, so that an upper
    room can translate the sentence without this room knowing of languages.
    """

    def __init__(self, code: str, template: str, /, **facts: str | int) -> None:
        super().__init__(template % facts if facts else template)
        self.code = code
        self.template = template
        self.facts = facts
