"""Who takes part in a conversation."""


class Participant:
    def __init__(self, original=None, user_id="", id="", **more):
        self.original = original
        self.user_id = user_id
        self.id = id
        self.__dict__.update(more)

    def __repr__(self):
        return f"Participant(user_id={self.user_id!r}, id={self.id!r})"

    def __eq__(self, other):
        return isinstance(other, Participant) and (self.user_id, self.id) == (other.user_id, other.id)

    def __hash__(self):
        return hash((self.user_id, self.id))


class User:
    def __init__(self, id="", name="", image="", custom=None):
        self.id, self.name, self.image = id, name, image
        self.custom = custom or {}
