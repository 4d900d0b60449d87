"""Steps of a client: tells where it is on standard output, and goes on when it reads a line."""

import sys


def say(words):
    print(words, flush=True)
    if not sys.stdin.readline():
        raise SystemExit("nobody is listening any more")


class Steps:
    """Features in the order of their definition, each with what `around` gives (a connection)."""

    def __init__(self):
        self.all = []

    def __call__(self, feature):
        def add(function):
            self.all.append((feature, function))
            return function

        return add

    @staticmethod
    def held(reason):
        """State that must pin for this reason exists now."""
        say("held " + reason)

    @staticmethod
    def version(text):
        print("version", text, flush=True)

    def run(self, around):
        for feature, function in self.all:
            try:
                with around() as given:
                    function(given)
                    say("done " + feature)
            except Exception as error:
                say(failure(feature, error))

    async def run_async(self, around):
        for feature, function in self.all:
            try:
                async with around() as given:
                    await function(given)
                    say("done " + feature)
            except Exception as error:
                say(failure(feature, error))


def failure(feature, error):
    trace = error.__traceback__
    while trace.tb_next and "compatibility" in trace.tb_next.tb_frame.f_code.co_filename:
        trace = trace.tb_next
    text = " ".join(str(error).split())
    return f"failed {feature}: line {trace.tb_lineno}: {type(error).__name__} {text}"
